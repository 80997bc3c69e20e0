//! The list of search tools, in LiteLLM's shape.

use lockgate_core::Result;
use serde_json::{Value, json};

use crate::{app::Live, stack::Response};

/// Each tool once, by name; of several entries of a name the first says what it is.
pub(super) fn list(live: &Live) -> Result<Response> {
    let tools = &live.snapshot.search_tools;
    let named = tools.names().into_iter().filter_map(|name| tools.resolve(name.name));
    let data: Vec<Value> = named
        .filter_map(|route| {
            let deployment = route.deployments.first()?.clone();
            let mut tool = json!({
                "search_tool_name": &*route.group,
                "search_provider": &*deployment.target.provider.id,
            });
            if let Some(description) = deployment.info.get("description") {
                tool["description"] = description.clone();
            }
            Some(tool)
        })
        .collect();
    super::json(&json!({"object": "list", "data": data}))
}

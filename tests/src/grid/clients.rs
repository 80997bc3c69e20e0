//! The conversation in each surface's words.

use serde_json::{Value, json};

use super::upstream::Words;

/// A surface's client.
pub struct Client {
    /// The surface.
    pub surface: &'static str,
    /// The target of the grid whose dialect reads the surface's answers.
    pub reader: &'static str,
    /// What its answers have words for.
    pub words: Words,
    request: fn(Scene) -> Value,
    echo: fn(&mut Value, &Value),
}

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scene {
    /// A system prompt, a question, sampling.
    Text,
    /// A tool that must be called.
    Tools,
    /// Two calls and their results.
    Results,
    /// A picture and a question.
    Image,
    /// An answer by schema.
    Schema,
    /// A tool that may be called, after some thought.
    Thoughts,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Text, Self::Tools, Self::Results, Self::Image, Self::Schema, Self::Thoughts];

    /// Its column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Tools => "tools",
            Self::Results => "results",
            Self::Image => "image",
            Self::Schema => "schema",
            Self::Thoughts => "reasoning",
        }
    }
}

impl Client {
    /// The request.
    pub fn request(&self, scene: Scene) -> Value {
        (self.request)(scene)
    }

    /// Puts the answer and results of its calls behind the request's conversation, as a client does.
    pub fn continue_with(&self, request: &mut Value, answer: &Value) {
        (self.echo)(request, answer);
    }
}

/// A picture of one dot.
pub(super) const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The clients of this build's surfaces.
pub fn clients() -> &'static [Client] {
    const WORDS: Words = Words {
        calls: true,
        interleaves: true,
        ids: true,
        thinks: true,
        signs: Some(""),
        counts: true,
        cached: true,
        written: false,
        reasoning: false,
        places: &[],
        limit: true,
        filter: true,
        ends: true,
    };
    static CLIENTS: [Client; 6] = [
        Client {
            surface: "openai",
            reader: "openai/gpt-4o",
            words: Words { reasoning: true, ..WORDS },
            request: openai,
            echo: echo_openai,
        },
        Client {
            surface: "responses",
            reader: "openai/gpt-4o",
            words: Words { reasoning: true, ..WORDS },
            request: responses,
            echo: echo_responses,
        },
        Client {
            surface: "anthropic",
            reader: "anthropic/claude-sonnet-4-5",
            words: Words { written: true, ..WORDS },
            request: anthropic,
            echo: echo_anthropic,
        },
        Client {
            surface: "gemini",
            reader: "gemini/gemini-2.5-flash",
            words: Words { ids: false, reasoning: true, ..WORDS },
            request: gemini,
            echo: echo_gemini,
        },
        Client {
            surface: "cohere",
            reader: "cohere_chat/command-a-03-2025",
            words: Words { signs: None, ..WORDS },
            request: cohere,
            echo: echo_openai,
        },
        Client {
            surface: "bedrock",
            reader: "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
            words: Words { written: true, ..WORDS },
            request: bedrock,
            echo: echo_bedrock,
        },
    ];
    &CLIENTS
}

fn city() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
}

fn population() -> Value {
    json!({"type": "object", "properties": {"population": {"type": "integer"}}, "required": ["population"], "additionalProperties": false})
}

fn openai(scene: Scene) -> Value {
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "description": "Weather now", "parameters": city()}}]);
    let call = |id: &str, city: &str| json!({"id": id, "type": "function", "function": {"name": "get_weather", "arguments": format!("{{\"city\":\"{city}\"}}")}});
    match scene {
        Scene::Text => {
            json!({"messages": [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Weather?"}],
            "max_tokens": 100, "temperature": 0.5, "stop": ["END"]})
        }
        Scene::Tools => {
            json!({"messages": [{"role": "user", "content": "Weather?"}], "tools": tools, "tool_choice": "required", "max_tokens": 100})
        }
        Scene::Results => json!({"messages": [{"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "I look.", "tool_calls": [call("call_1", "Paris"), call("call_2", "Rome")]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}, {"role": "tool", "tool_call_id": "call_2", "content": "rainy"},
            {"role": "user", "content": "So?"}], "tools": tools, "max_tokens": 100}),
        Scene::Image => {
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{DOT}")}}]}], "max_tokens": 100})
        }
        Scene::Schema => json!({"messages": [{"role": "user", "content": "How many?"}], "max_tokens": 100,
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": population()}}}),
        Scene::Thoughts => {
            json!({"messages": [{"role": "user", "content": "Weather?"}], "tools": tools, "max_tokens": 4000,
            "reasoning_effort": "low"})
        }
    }
}

fn responses(scene: Scene) -> Value {
    let tools = json!([{"type": "function", "name": "get_weather", "description": "Weather now", "parameters": city(), "strict": false}]);
    let user = |text: &str| json!({"role": "user", "content": text});
    let call = |id: &str, city: &str| json!({"type": "function_call", "call_id": id, "name": "get_weather", "arguments": format!("{{\"city\":\"{city}\"}}")});
    let result =
        |id: &str, text: &str| json!({"type": "function_call_output", "call_id": id, "output": text});
    match scene {
        Scene::Text => {
            json!({"instructions": "Be terse.", "input": "Weather?", "max_output_tokens": 100, "temperature": 0.5})
        }
        Scene::Tools => {
            json!({"input": [user("Weather?")], "tools": tools, "tool_choice": "required", "max_output_tokens": 100})
        }
        Scene::Results => {
            json!({"input": [user("Weather?"), {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            call("call_1", "Paris"), call("call_2", "Rome"), result("call_1", "sunny"), result("call_2", "rainy"), user("So?")],
            "tools": tools, "max_output_tokens": 100})
        }
        Scene::Image => {
            json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "image_url": format!("data:image/png;base64,{DOT}")}]}], "max_output_tokens": 100})
        }
        Scene::Schema => json!({"input": [user("How many?")], "max_output_tokens": 100,
            "text": {"format": {"type": "json_schema", "name": "answer", "schema": population()}}}),
        Scene::Thoughts => {
            json!({"input": [user("Weather?")], "tools": tools, "max_output_tokens": 4000, "store": false,
            "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]})
        }
    }
}

fn anthropic(scene: Scene) -> Value {
    let tools = json!([{"name": "get_weather", "description": "Weather now", "input_schema": city()}]);
    let call = |id: &str, city: &str| json!({"type": "tool_use", "id": id, "name": "get_weather", "input": {"city": city}});
    let result = |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
    match scene {
        Scene::Text => json!({"system": "Be terse.", "messages": [{"role": "user", "content": "Weather?"}],
            "max_tokens": 100, "temperature": 0.5, "stop_sequences": ["END"]}),
        Scene::Tools => {
            json!({"messages": [{"role": "user", "content": "Weather?"}], "tools": tools, "tool_choice": {"type": "any"}, "max_tokens": 100})
        }
        Scene::Results => json!({"messages": [{"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call("call_1", "Paris"), call("call_2", "Rome")]},
            {"role": "user", "content": [result("call_1", "sunny"), result("call_2", "rainy"), {"type": "text", "text": "So?"}]}],
            "tools": tools, "max_tokens": 100}),
        Scene::Image => {
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}]}], "max_tokens": 100})
        }
        Scene::Schema => json!({"messages": [{"role": "user", "content": "How many?"}], "max_tokens": 100,
            "output_format": {"type": "json_schema", "schema": population()}}),
        Scene::Thoughts => {
            json!({"messages": [{"role": "user", "content": "Weather?"}], "tools": tools, "max_tokens": 4000,
            "thinking": {"type": "enabled", "budget_tokens": 1024}})
        }
    }
}

fn gemini(scene: Scene) -> Value {
    let tools = json!([{"functionDeclarations": [{"name": "get_weather", "description": "Weather now",
        "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}}]}]);
    let call = |city: &str| json!({"functionCall": {"name": "get_weather", "args": {"city": city}}});
    let result =
        |text: &str| json!({"functionResponse": {"name": "get_weather", "response": {"result": text}}});
    let user = |text: &str| json!({"role": "user", "parts": [{"text": text}]});
    match scene {
        Scene::Text => {
            json!({"systemInstruction": {"parts": [{"text": "Be terse."}]}, "contents": [user("Weather?")],
            "generationConfig": {"maxOutputTokens": 100, "temperature": 0.5, "stopSequences": ["END"]}})
        }
        Scene::Tools => json!({"contents": [user("Weather?")], "tools": tools,
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}, "generationConfig": {"maxOutputTokens": 100}}),
        Scene::Results => json!({"contents": [user("Weather?"),
            {"role": "model", "parts": [{"text": "I look."}, call("Paris"), call("Rome")]},
            {"role": "user", "parts": [result("sunny"), result("rainy")]}, user("So?")], "tools": tools,
            "generationConfig": {"maxOutputTokens": 100}}),
        Scene::Image => json!({"contents": [{"role": "user", "parts": [{"text": "What is it?"},
            {"inlineData": {"mimeType": "image/png", "data": DOT}}]}], "generationConfig": {"maxOutputTokens": 100}}),
        Scene::Schema => json!({"contents": [user("How many?")], "generationConfig": {"maxOutputTokens": 100,
            "responseMimeType": "application/json", "responseJsonSchema": population()}}),
        Scene::Thoughts => {
            json!({"contents": [user("Weather?")], "tools": tools, "generationConfig": {"maxOutputTokens": 4000,
            "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": true}}})
        }
    }
}

fn cohere(scene: Scene) -> Value {
    let mut body = openai(scene);
    let rename = |own: &mut Value, old: &str, new: &str| {
        if let Some(members) = own.as_object_mut()
            && let Some(value) = members.remove(old)
        {
            members.insert(new.to_owned(), value);
        }
    };
    match scene {
        Scene::Text => rename(&mut body, "stop", "stop_sequences"),
        Scene::Tools => body["tool_choice"] = json!("REQUIRED"),
        Scene::Results => rename(&mut body["messages"][1], "content", "tool_plan"),
        Scene::Image => {}
        Scene::Schema => {
            body["response_format"] = json!({"type": "json_object", "json_schema": population()})
        }
        Scene::Thoughts => {
            rename(&mut body, "reasoning_effort", "thinking");
            body["thinking"] = json!({"type": "enabled", "token_budget": 1024});
        }
    }
    body
}

fn bedrock(scene: Scene) -> Value {
    let tools = json!([{"toolSpec": {"name": "get_weather", "description": "Weather now", "inputSchema": {"json": city()}}}]);
    let user = |text: &str| json!({"role": "user", "content": [{"text": text}]});
    let call = |id: &str, city: &str| json!({"toolUse": {"toolUseId": id, "name": "get_weather", "input": {"city": city}}});
    let result = |id: &str, text: &str| json!({"toolResult": {"toolUseId": id, "content": [{"text": text}]}});
    let limit = json!({"maxTokens": 100});
    match scene {
        Scene::Text => json!({"system": [{"text": "Be terse."}], "messages": [user("Weather?")],
            "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"]}}),
        Scene::Tools => json!({"messages": [user("Weather?")], "inferenceConfig": limit,
            "toolConfig": {"tools": tools, "toolChoice": {"any": {}}}}),
        Scene::Results => json!({"messages": [user("Weather?"),
            {"role": "assistant", "content": [{"text": "I look."}, call("call_1", "Paris"), call("call_2", "Rome")]},
            {"role": "user", "content": [result("call_1", "sunny"), result("call_2", "rainy"), {"text": "So?"}]}],
            "toolConfig": {"tools": tools}, "inferenceConfig": limit}),
        Scene::Image => json!({"messages": [{"role": "user", "content": [{"text": "What is it?"},
            {"image": {"format": "png", "source": {"bytes": DOT}}}]}], "inferenceConfig": limit}),
        Scene::Schema => {
            json!({"messages": [user("How many?")], "inferenceConfig": limit, "outputConfig": {"textFormat":
            {"type": "json_schema", "structure": {"jsonSchema": {"name": "answer", "schema": population().to_string()}}}}})
        }
        Scene::Thoughts => {
            json!({"messages": [user("Weather?")], "toolConfig": {"tools": tools}, "inferenceConfig": {"maxTokens": 4000},
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}})
        }
    }
}

fn push(request: &mut Value, member: &str, item: Value) {
    if let Some(list) = request[member].as_array_mut() {
        list.push(item);
    }
}

fn echo_openai(request: &mut Value, answer: &Value) {
    let message =
        answer.pointer("/choices/0/message").or_else(|| answer.get("message")).cloned().unwrap_or_default();
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    push(request, "messages", message);
    for call in calls {
        push(request, "messages", json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny"}));
    }
}

fn echo_anthropic(request: &mut Value, answer: &Value) {
    push(request, "messages", json!({"role": "assistant", "content": answer["content"]}));
    let calls = answer["content"].as_array().cloned().unwrap_or_default();
    let calls = calls.iter().filter(|block| block["type"] == "tool_use");
    let results: Vec<Value> = calls
        .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}))
        .collect();
    push(request, "messages", json!({"role": "user", "content": results}));
}

fn echo_gemini(request: &mut Value, answer: &Value) {
    let content = answer["candidates"][0]["content"].clone();
    let calls = content["parts"].as_array().cloned().unwrap_or_default();
    let results: Vec<Value> = calls
        .iter()
        .filter(|part| part.get("functionCall").is_some())
        .map(|part| json!({"functionResponse": {"name": part["functionCall"]["name"], "response": {"result": "sunny"}}}))
        .collect();
    push(request, "contents", content);
    push(request, "contents", json!({"role": "user", "parts": results}));
}

fn echo_responses(request: &mut Value, answer: &Value) {
    let items = answer["output"].as_array().cloned().unwrap_or_default();
    let calls: Vec<Value> = items.iter().filter(|item| item["type"] == "function_call").cloned().collect();
    for item in items {
        push(request, "input", item);
    }
    for call in calls {
        let result = json!({"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"});
        push(request, "input", result);
    }
}

fn echo_bedrock(request: &mut Value, answer: &Value) {
    let content = answer["output"]["message"]["content"].clone();
    let calls = content.as_array().cloned().unwrap_or_default();
    let results: Vec<Value> = calls
        .iter()
        .filter_map(|block| block.get("toolUse"))
        .map(|call| json!({"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "sunny"}]}}))
        .collect();
    push(request, "messages", json!({"role": "assistant", "content": content}));
    push(request, "messages", json!({"role": "user", "content": results}));
}

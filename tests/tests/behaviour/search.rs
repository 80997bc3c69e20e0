//! Search tools and documents: the same path as every other call.

use lockgate_testkit::upstream::{Answer, Request, Upstream};
use serde_json::{Value, json};

use crate::{
    client::Whole,
    gateway::{Gateway, KEY, config, model},
};

const FOUND: &str =
    r#"{"results":[{"title":"T","url":"https://a.example","content":"C","score":0.9}],"response_time":1.0}"#;
const QUERY: &str = r#"{"query":"capital of France","max_results":3}"#;

/// An upstream and a gateway with the tools `web` (Tavily) and `spare` (Serper), and a model of the name `web`.
async fn searching(
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    more: &str,
) -> (Upstream, Gateway) {
    let upstream = Upstream::start(answer).await.unwrap();
    let base = upstream.url();
    let tools = format!(
        "search_tools:\n\
         - search_tool_name: web\n  litellm_params: {{search_provider: tavily, api_key: sk-tavily-0123456789, api_base: \"{base}/web\"}}\n  \
         search_tool_info: {{description: The web.}}\n\
         - search_tool_name: spare\n  litellm_params: {{search_provider: serper, api_key: sk-serper-0123456789, api_base: \"{base}/spare\"}}\n{more}"
    );
    let models = model("web", "openai/gpt-4o", &base, "");
    let gateway = Gateway::start(&config(&models, &tools)).await;
    (upstream, gateway)
}

fn message(answer: &Whole) -> String {
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_tool_is_named_by_path_or_body_and_each_search_has_its_price() {
    let (upstream, gateway) = searching(|_| Answer::json(200, FOUND), "").await;
    let in_body = QUERY.replace('{', r#"{"search_tool_name":"web","#);
    for (path, body) in [
        ("/v1/search/web", QUERY),
        ("/search/web", QUERY),
        ("/v1/search", in_body.as_str()),
        ("/search", in_body.as_str()),
    ] {
        let answer = gateway.post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(
            answer.json(),
            json!({"object": "search", "results": [{"title": "T", "url": "https://a.example", "snippet": "C"}]})
        );
        assert_eq!(answer.header("x-litellm-response-cost"), "0.008", "{path}");
    }
    for request in upstream.requests() {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/web/search"));
        assert_eq!(request.header("authorization"), Some("Bearer sk-tavily-0123456789"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, json!({"query": "capital of France", "max_results": 3}));
    }
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.contains("operation=\"search\"") || metrics.contains("/v1/search"), "{metrics}");
}

#[tokio::test]
async fn models_and_tools_do_not_mix() {
    let (upstream, gateway) = searching(|_| Answer::json(200, FOUND), "").await;
    let listed = gateway.get("/v1/models").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    let chat = r#"{"model":"spare","messages":[{"role":"user","content":"hi"}]}"#;
    let answer = gateway.post("/v1/chat/completions", chat).await;
    assert_eq!(answer.status, 400, "a tool is no model: {}", answer.text());
    for path in ["/v1/search/nobody", "/v1/search/web%2Fx"] {
        let answer = gateway.post(path, QUERY).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert!(message(&answer).contains("There is no search tool"), "{}", answer.text());
        assert_eq!(answer.json()["error"]["param"], "search_tool_name");
    }
    let answer = gateway.post("/v1/search", QUERY).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn tools_are_listed_to_those_who_may_use_them() {
    let (_upstream, gateway) = searching(|_| Answer::json(200, FOUND), "").await;
    for path in ["/v1/search/tools", "/search/tools"] {
        let listed = gateway.get(path).await.json();
        let expected = json!({"object": "list", "data": [
            {"search_tool_name": "spare", "search_provider": "serper"},
            {"search_tool_name": "web", "search_provider": "tavily", "description": "The web."},
        ]});
        assert_eq!(listed, expected);
    }
    let request = http::Request::post("/v1/search/web").header("host", "gateway.test");
    let request = request.header("authorization", "Bearer sk-wrong").body(QUERY.to_owned().into()).unwrap();
    let answer = crate::client::send(&gateway.url, request).await.unwrap().whole().await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(!answer.text().contains(KEY));
}

#[tokio::test]
async fn what_engines_say_when_they_fail() {
    let (_upstream, gateway) = searching(
        |request| match request.text().contains("401") {
            true => {
                Answer::json(401, r#"{"detail":{"error":"Unauthorized: wrong key sk-tavily-0123456789."}}"#)
            }
            false if request.text().contains("429") => {
                Answer::json(429, r#"{"detail":{"error":"Slow down."}}"#)
            }
            false if request.text().contains("none") => Answer::json(200, r#"{"results":[]}"#),
            false => Answer::json(200, "{\"results\":[{\"ti"),
        },
        "",
    )
    .await;
    let ask = |what: &str| format!("{{\"query\":\"{what}\"}}");
    for (what, status, said) in
        [("401", 401, "Unauthorized"), ("429", 429, "Slow down."), ("malformed", 500, "not valid JSON")]
    {
        let answer = gateway.post("/v1/search/web", &ask(what)).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(message(&answer).contains(said), "{}", answer.text());
        assert!(!answer.text().contains("sk-tavily"), "{}", answer.text());
    }
    let answer = gateway.post("/v1/search/web", &ask("none")).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"object": "search", "results": []})));
    let answer = gateway.post("/v1/search/web", "{}").await;
    assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("query")));
}

#[tokio::test]
async fn a_tool_falls_back_to_another() {
    let upstream = Upstream::start(|request| match request.target.as_str() {
        "/web/search" => Answer::json(503, r#"{"error":"down"}"#),
        _ => Answer::json(200, r#"{"organic":[{"title":"S","link":"https://s.example","snippet":"C"}]}"#),
    })
    .await
    .unwrap();
    let base = upstream.url();
    let text = format!(
        "model_list: []\ngeneral_settings: {{master_key: {KEY}}}\n\
         router_settings: {{num_retries: 0, disable_cooldowns: true, fallbacks: [{{web: [spare]}}]}}\n\
         search_tools:\n\
         - {{search_tool_name: web, litellm_params: {{search_provider: tavily, api_key: k, api_base: \"{base}/web\"}}}}\n\
         - {{search_tool_name: spare, litellm_params: {{search_provider: serper, api_key: k, api_base: \"{base}/spare\"}}}}\n"
    );
    let gateway = Gateway::start(&text).await;
    let answer = gateway.post("/v1/search/web", QUERY).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["results"][0]["url"], "https://s.example");
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "1", "{:?}", answer.headers);
    assert_eq!(upstream.requests().len(), 2);
}

const READ: &str = r#"{"pages":[{"index":0,"markdown":"Hello","images":[],"dimensions":null},{"index":1,"markdown":"World"}],"model":"mistral-ocr-2505-completion","usage_info":{"pages_processed":2,"doc_size_bytes":9}}"#;

#[tokio::test]
async fn documents_are_read_by_address_or_as_files_and_each_page_has_its_price() {
    let upstream = Upstream::start(|_| Answer::json(200, READ)).await.unwrap();
    let models = model("ocr", "mistral/mistral-ocr-2512", &format!("{}/v1", upstream.url()), "")
        + &model("chat", "anthropic/claude-sonnet-4-5", &upstream.url(), "");
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = r#"{"model":"ocr","document":{"type":"document_url","document_url":"https://example.com/a.pdf"},"pages":[0,1]}"#;
    for path in ["/v1/ocr", "/ocr"] {
        let answer = gateway.post(path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!((&answer.json()["object"], &answer.json()["model"]), (&json!("ocr"), &json!("ocr")));
        assert_eq!(answer.header("x-litellm-response-cost"), "0.004");
    }
    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nocr\r\n\
                --b\r\nContent-Disposition: form-data; name=\"include_image_base64\"\r\n\r\ntrue\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--b--\r\n";
    let request = http::Request::post("/v1/ocr")
        .header("host", "gateway.test")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form.to_owned().into())
        .unwrap();
    let answer = crate::client::send(&gateway.url, request).await.unwrap().whole().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent: Vec<Value> =
        upstream.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!(sent[0]["model"], "mistral-ocr-2512");
    assert_eq!(
        sent[2],
        json!({
            "model": "mistral-ocr-2512", "include_image_base64": true,
            "document": {"type": "image_url", "image_url": "data:image/png;base64,UE5H"},
        })
    );
    let answer = gateway.post("/v1/ocr", &body.replace("\"ocr\"", "\"chat\"")).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(message(&answer).contains("does not offer `ocr`"), "{}", answer.text());
    let answer = gateway.post("/v1/ocr", r#"{"model":"ocr","document":{"type":"document_url"}}"#).await;
    assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("document")));
}

#[tokio::test]
async fn what_readers_say_when_they_fail() {
    let upstream = Upstream::start(|request| match request.text() {
        text if text.contains("401") => Answer::json(401, r#"{"detail":"Unauthorized"}"#),
        text if text.contains("429") => Answer::json(429, r#"{"message":"Requests rate limit exceeded"}"#),
        _ => Answer::json(200, "<html>"),
    })
    .await
    .unwrap();
    let models = model("ocr", "mistral/mistral-ocr-2512", &upstream.url(), "");
    let gateway = Gateway::start(&config(&models, "")).await;
    for (what, status) in [("401", 401), ("429", 429), ("malformed", 500)] {
        let body =
            format!(r#"{{"model":"ocr","document":{{"document_url":"https://example.com/{what}.pdf"}}}}"#);
        let answer = gateway.post("/v1/ocr", &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(!message(&answer).is_empty());
    }
}

/// A job that is asked for until it is done.
#[tokio::test]
async fn document_intelligence_works_on_a_job() {
    let upstream = Upstream::start(|request| match request.method.as_str() {
        "POST" => {
            let host = request.header("host").unwrap_or_default();
            let place = format!("operation-location: http://{host}/documentintelligence/documentModels/prebuilt-layout/analyzeResults/1?api-version=2024-11-30\r\nretry-after: 0");
            Answer::json_with(202, &place, "")
        }
        _ => Answer::json(
            200,
            r#"{"status":"succeeded","analyzeResult":{"pages":[{"pageNumber":1,"width":8.5,"height":11,"unit":"inch","lines":[{"content":"Hello"},{"content":"World"}]}]}}"#,
        ),
    })
    .await
    .unwrap();
    let models = model("layout", "azure_ai/doc-intelligence/prebuilt-layout", &upstream.url(), "");
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = r#"{"model":"layout","document":{"type":"document_url","document_url":"data:application/pdf;base64,UERG"},"pages":[0,2]}"#;
    let answer = gateway.post("/v1/ocr", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({
            "pages": [{"index": 0, "markdown": "Hello\nWorld", "images": [],
                       "dimensions": {"dpi": 96, "height": 1056, "width": 816}}],
            "model": "layout", "usage_info": {"pages_processed": 1}, "object": "ocr",
        })
    );
    assert_eq!(answer.header("x-litellm-response-cost"), "0.01");
    let requests = upstream.requests();
    assert_eq!(
        requests[0].target,
        "/documentintelligence/documentModels/prebuilt-layout:analyze?api-version=2024-11-30&pages=1%2C3"
    );
    assert_eq!(requests[0].text(), r#"{"base64Source":"UERG"}"#);
    for request in &requests {
        assert_eq!(request.header("ocp-apim-subscription-key"), Some("sk-up-layout-0123456789"));
    }
}

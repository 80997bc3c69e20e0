//! Ranking and pictures.

use super::*;

#[test]
fn documents_are_ranked_beside_the_models() {
    let body = r#"{"model":"m","query":"q","documents":["a",{"text":"b","t":1}],"top_n":1,"return_documents":true,"rank_fields":["text"],"own":1}"#;
    let refused = r#"{"model":"m","query":{"image":"x"},"documents":["a"]}"#;
    let target = target("amazon.rerank-v1:0");
    with_call(&target, &OPENAI, Operation::Rerank, body, |attempt, encoded| {
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
        let uri = encoded.request.uri().to_string();
        assert_eq!(uri, "https://bedrock-agent-runtime.eu-west-1.amazonaws.com/rerank");
        assert_eq!(encoded.request.extensions().get::<Scope>().unwrap().service, "bedrock");
        assert_eq!(encoded.notes.dropped, ["rank_fields"]);
        let sent = json(encoded);
        let ranking = &sent["rerankingConfiguration"]["bedrockRerankingConfiguration"];
        assert_eq!(
            ranking["modelConfiguration"],
            json!({
                "modelArn": "arn:aws:bedrock:eu-west-1::foundation-model/amazon.rerank-v1:0",
                "additionalModelRequestFields": {"own": 1},
            })
        );
        assert_eq!(
            sent["sources"][1]["inlineDocumentSource"],
            json!({"type": "JSON", "jsonDocument": {"text": "b", "t": 1}})
        );
        let head = sample::head(200, "application/json");
        let decode = |text: &'static str| DIALECT.decode(attempt, encoded, &head, text.into());
        let answer = r#"{"results":[{"index":1,"relevanceScore":0.50,"document":{"type":"TEXT","textDocument":{"text":"b"}}}]}"#;
        let Ok(Reply::Rerank(reply)) = decode(answer) else { panic!() };
        assert_eq!(reply.results[0].score.get(), "0.50");
        assert_eq!(reply.results[0].document.as_ref().unwrap().get(), r#"{"text":"b"}"#);
        assert_eq!(reply.usage.unwrap().measures.unwrap().queries, 1);
        for bad in ["{}", "null", "[", r#"{"results":null}"#] {
            assert_eq!(decode(bad).unwrap_err().kind(), ErrorKind::InvalidResponse, "{bad}");
        }
    });
    let call = sample::call(&OPENAI, Operation::Rerank, refused).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    assert_eq!(DIALECT.encode(&attempt).err().unwrap().kind(), ErrorKind::BadRequest);
}

#[test]
fn pictures_are_asked_for_in_their_makers_words() {
    for (model, body, expected) in [
        (
            "amazon.nova-canvas-v1:0",
            r#"{"model":"m","prompt":"p","n":2,"size":"1280x720","quality":"hd","seed":7,"negativeText":"x","user":"u"}"#,
            json!({
                "taskType": "TEXT_IMAGE",
                "textToImageParams": {"text": "p", "negativeText": "x"},
                "imageGenerationConfig": {
                    "width": 1280, "height": 720, "quality": "premium", "numberOfImages": 2, "seed": 7,
                },
            }),
        ),
        (
            "stability.stable-diffusion-xl-v1",
            r#"{"model":"m","prompt":"p","steps":9,"n":1,"response_format":"b64_json"}"#,
            json!({"text_prompts": [{"text": "p", "weight": 1}], "steps": 9}),
        ),
        (
            "stability.sd3-5-large-v1:0",
            r#"{"model":"m","prompt":"p","aspect_ratio":"16:9","output_format":"png"}"#,
            json!({"prompt": "p", "output_format": "png", "aspect_ratio": "16:9"}),
        ),
    ] {
        with_call(&target(model), &OPENAI, Operation::ImageGeneration, body, |attempt, encoded| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            assert_eq!(json(encoded), expected);
            let head = sample::head(200, "application/json");
            let decode = |text: &'static str| DIALECT.decode(attempt, encoded, &head, text.into());
            for good in
                [r#"{"images":["AA=="]}"#, r#"{"artifacts":[{"base64":"AA==","finishReason":"SUCCESS"}]}"#]
            {
                let Ok(Reply::Images(reply)) = decode(good) else { panic!("{good}") };
                assert_eq!(reply.images[0].base64.as_deref(), Some("AA=="));
                assert_eq!(reply.usage.unwrap().measures.unwrap().output_images, 1);
            }
            for held_back in [
                r#"{"images":[],"finish_reasons":["Filter reason: prompt"]}"#,
                r#"{"artifacts":[{"base64":"AA==","finishReason":"CONTENT_FILTERED"}]}"#,
                r#"{"images":[],"error":"Blocked by our content filters."}"#,
            ] {
                assert_eq!(decode(held_back).unwrap_err().kind(), ErrorKind::ContentPolicy, "{held_back}");
            }
            assert_eq!(decode("{}").unwrap_err().kind(), ErrorKind::InvalidResponse);
        });
    }
    let wanting = [
        ("stability.sd3-5-large-v1:0", r#"{"model":"m","prompt":"p","size":"1024x1024"}"#),
        ("amazon.nova-canvas-v1:0", r#"{"model":"m","prompt":"p","response_format":"url"}"#),
    ];
    for (model, body) in wanting {
        let call = sample::call(&OPENAI, Operation::ImageGeneration, body).unwrap();
        let target = target(model);
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        assert_eq!(DIALECT.encode(&attempt).err().unwrap().kind(), ErrorKind::UnsupportedParams, "{model}");
    }
    let call = sample::call(&OPENAI, Operation::ImageGeneration, r#"{"model":"m","prompt":"p"}"#).unwrap();
    let target = target(NOVA);
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    assert_eq!(DIALECT.encode(&attempt).err().unwrap().kind(), ErrorKind::BadRequest);
}

#[test]
fn tokens_are_counted_for_claude() {
    let body = r#"{"model":"m","max_tokens":9,"system":"s","messages":[{"role":"user","content":"hi"}]}"#;
    let call = sample::call(&ANTHROPIC, Operation::CountTokens, body).unwrap();
    let (sent, reply) = steps::walked(&target(CLAUDE), &call, &[br#"{"inputTokens":12}"#]);
    let url = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens";
    let counted = r#"{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"hi"}]}],"system":[{"text":"s"}]}}}"#;
    assert_eq!(sent, [format!("POST {url} {counted}")]);
    assert!(matches!(reply, Ok(Reply::TokenCount { input: 12 })));
    let (_, reply) = steps::walked(&target(CLAUDE), &call, &[b"{}"]);
    assert!(reply.is_err());
    assert!(DIALECT.counts_tokens(&target(CLAUDE)) && !DIALECT.counts_tokens(&target(NOVA)));
}

#[test]
fn pictures_are_made_of_pictures() {
    let files = [("image", "a.png", "PNG"), ("mask", "m.png", "MASK")];
    let body = r#"{"model":"m","prompt":"p","seed":"4"}"#;
    let (plain, masked) = (
        sample::form(&OPENAI, Operation::ImageEdit, body, &files[..1]).unwrap(),
        sample::form(&OPENAI, Operation::ImageEdit, body, &files).unwrap(),
    );
    for (model, call, expected) in [
        (
            "amazon.nova-canvas-v1:0",
            &masked,
            r#"{"taskType":"INPAINTING","inPaintingParams":{"text":"p","image":"UE5H","maskImage":"TUFTSw=="},"imageGenerationConfig":{"seed":4}}"#,
        ),
        (
            "amazon.titan-image-generator-v2:0",
            &plain,
            r#"{"taskType":"IMAGE_VARIATION","imageVariationParams":{"text":"p","images":["UE5H"]},"imageGenerationConfig":{"seed":4}}"#,
        ),
        (
            "us.stability.stable-image-inpaint-v1:0",
            &masked,
            r#"{"prompt":"p","image":"UE5H","mask":"TUFTSw==","seed":4}"#,
        ),
        (
            "stability.sd3-5-large-v1:0",
            &plain,
            r#"{"prompt":"p","image":"UE5H","mode":"image-to-image","strength":0.7,"seed":4}"#,
        ),
        ("us.stability.stable-style-transfer-v1:0", &plain, r#"{"prompt":"p","init_image":"UE5H","seed":4}"#),
    ] {
        let (sent, reply) = steps::walked(&target(model), call, &[br#"{"images":["AA=="]}"#]);
        let body = sent[0].rsplit_once("/invoke ").unwrap().1;
        let (body, expected): (Value, Value) =
            (serde_json::from_str(body).unwrap(), serde_json::from_str(expected).unwrap());
        assert_eq!(body, expected, "{model}");
        assert!(matches!(reply, Ok(Reply::Images(_))), "{model}");
    }
}

#[test]
fn tools_that_may_be_dropped_are_not_sent() {
    let policy = |allowed: &[&str]| lockgate_core::ParamPolicy {
        drop_params: true,
        allowed_openai_params: allowed.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"tool_choice":"required",
        "tools":[{"type":"function","function":{"name":"f"}}]}"#;
    for (allowed, tools, choice) in
        [(&[][..], 0, false), (&["tools"], 1, false), (&["tools", "tool_choice"], 1, true)]
    {
        let mut target = target("ai21.jamba-1-5-large-v1:0");
        target.facts = Arc::new(lockgate_core::ModelFacts { known: true, ..Default::default() });
        target.policy = Arc::new(policy(allowed));
        with_call(&target, &OPENAI, Operation::Chat, body, |_, encoded| {
            let sent = json(encoded);
            let config = &sent["toolConfig"];
            assert_eq!(config["tools"].as_array().map_or(0, Vec::len), tools, "{allowed:?}");
            assert_eq!(config.get("toolChoice").is_some(), choice, "{allowed:?}");
            assert!(sent["additionalModelRequestFields"].get("tools").is_none());
        });
    }
}

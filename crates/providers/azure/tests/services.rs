//! Foundry's services that are no models of OpenAI's: where they are, what they are asked, what they answer.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use http::Request;
use lockgate_azure::AzureAi;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Media, Operation, Payload, Reply, Secret, Signer, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static FOUNDRY: AzureAi = AzureAi;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn target(dialect: &'static dyn Dialect, model: &str, base: &str) -> Target {
    Target { base: Arc::from(base), ..sample::target(sample::provider(dialect), model) }
}

fn with(target: &Target, operation: Operation, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let call = sample::call(&SURFACE, operation, body).unwrap();
    let attempt = Attempt { call: &call, target, media: &Media::default() };
    test(&attempt, &target.provider.dialect.encode(&attempt).unwrap());
}

/// The signer of a deployment with these parameters, this key and this environment.
fn signer(
    dialect: &'static dyn Dialect,
    params: &[(&str, &str)],
    key: Option<&str>,
    env: &[(&str, &str)],
) -> lockgate_core::Result<Arc<dyn Signer>> {
    let own = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (params, env) = (own(params), own(env));
    dialect.signer(&CloudSettings {
        provider: &sample::provider(dialect),
        params: &params,
        api_key: key.map(|key| Secret::new(key.to_owned())),
        env: &|name| env.get(name).cloned(),
        file: &|_| None,
    })
}

/// The headers that carry a key on a request.
fn credentials(encoded: &Encoded) -> Vec<String> {
    let mut request = Request::new(Payload::new());
    *request.extensions_mut() = encoded.request.extensions().clone();
    signer(&FOUNDRY, &[], Some("k"), &[]).unwrap().sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
    request.headers().keys().map(ToString::to_string).collect()
}

#[test]
fn cohere_reads_pictures_beside_the_other_models() {
    let body = r#"{"model":"m","document":{"type":"image_url","image_url":"data:image/png;base64,UE5H"}}"#;
    for (base, url) in [
        ("https://r.services.ai.azure.com", "https://r.services.ai.azure.com/providers/cohere/v2/parse"),
        (
            "https://r.services.ai.azure.com/models",
            "https://r.services.ai.azure.com/providers/cohere/v2/parse",
        ),
        (
            "https://x.services.ai.azure.com/providers/cohere/v2/parse",
            "https://x.services.ai.azure.com/providers/cohere/v2/parse",
        ),
        ("https://c.eastus.models.ai.azure.com", "https://c.eastus.models.ai.azure.com/v2/parse"),
    ] {
        with(&target(&FOUNDRY, "Cohere-parse-v5", base), Operation::Ocr, body, |attempt, encoded| {
            assert_eq!(encoded.request.uri().to_string(), url);
            assert_eq!(credentials(encoded), ["authorization"]);
            let answer = r#"{"pages":[{"index":0,"type":"markdown","markdown":{"content":"Hi"}}]}"#;
            let head = sample::head(200, "application/json");
            let reply = FOUNDRY.decode(attempt, encoded, &head, answer.into()).unwrap();
            assert!(matches!(reply, Reply::Ocr(reply) if reply.pages[0].markdown == "Hi"));
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
        });
    }
}

//! Tokens of clouds, each asked for at a stand-in of the cloud's own endpoint that looks at the request as the cloud would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use lockgate_catalog::Catalog;
use lockgate_core::{Error, Payload};
use lockgate_registry::Registry;
use lockgate_router::{
    Params,
    target::{Builder, Defaults},
};
use lockgate_testkit::{
    jwt,
    upstream::{Answer, Request, Upstream},
};
use lockgate_transport::{Limits, Transport, TransportConfig};
use serde_json::{Value, json};

/// What a token endpoint finds wrong with a request; nothing if it grants the token.
type Check = fn(&Request) -> Result<(), String>;

/// A deployment's parameters and environment for a token endpoint at this address.
type Setup = fn(&str) -> (Value, Vec<(&'static str, String)>);

const CLOUDS: [(&str, Setup, Check); 6] = [
    (
        "vertex_ai/gemini-2.5-flash",
        |url| {
            let account = jwt::service_account(&format!("{url}/token"), "k1");
            (json!({"vertex_credentials": account, "vertex_location": "global"}), Vec::new())
        },
        google,
    ),
    (
        "azure/d",
        |url| {
            let params = json!({"api_base": "http://r.test", "tenant_id": "t", "client_id": "c", "client_secret": "s&s"});
            (params, vec![("AZURE_AUTHORITY_HOST", url.to_owned())])
        },
        entra,
    ),
    (
        "databricks/m",
        |url| {
            let base = format!("{url}/serving-endpoints");
            (json!({"api_base": base, "client_id": "c", "client_secret": "s"}), Vec::new())
        },
        databricks,
    ),
    (
        "watsonx/m",
        |url| {
            let params = json!({"api_base": "http://wx.test", "api_key": "k&y", "project_id": "p"});
            (params, vec![("WATSONX_IAM_URL", format!("{url}/identity/token"))])
        },
        ibm,
    ),
    (
        "gigachat/GigaChat",
        |url| {
            let params = json!({"api_base": "http://giga.test", "api_key": "Y3JlZHM="});
            (params, vec![("GIGACHAT_AUTH_URL", format!("{url}/api/v2/oauth"))])
        },
        sber,
    ),
    (
        "github_copilot/gpt-4o",
        |url| {
            let params = json!({"api_key": "ghu_k&y"});
            (params, vec![("GITHUB_COPILOT_API_KEY_URL", format!("{url}/copilot_internal/v2/token"))])
        },
        github,
    ),
];

#[tokio::test]
async fn every_cloud_s_endpoint_grants_its_token() {
    for (model, setup, check) in CLOUDS {
        let upstream = Upstream::start(move |request| match check(request) {
            Ok(()) => Answer::json(200, r#"{"access_token":"granted","expires_in":3600}"#),
            Err(why) => Answer::json(400, &json!({"error": "refused", "error_description": why}).to_string()),
        });
        let upstream = upstream.await.unwrap();
        let (params, env) = setup(&upstream.url());
        for _ in 0..2 {
            let value =
                authorised(model, &params, &env).await.unwrap_or_else(|error| panic!("{model}: {error}"));
            assert_eq!(value, "Bearer granted", "{model}");
        }
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_shows_no_secret() {
    for (model, setup, _) in CLOUDS {
        let refusal = r#"{"error":"invalid_client","error_description":"who are you?"}"#;
        let upstream = Upstream::start(|_| Answer::json(401, refusal)).await.unwrap();
        let (params, env) = setup(&upstream.url());
        let error = authorised(model, &params, &env).await.unwrap_err();
        assert_eq!(error.kind().status(), 401, "{model}");
        assert!(error.message().contains("invalid_client: who are you?"), "{model}: {error}");
        for secret in ["PRIVATE KEY", "s&s", "k&y"] {
            assert!(!format!("{error:?}").contains(secret), "{model}");
        }
    }
}

#[test]
fn a_signature_of_another_s_is_noticed() {
    let (head, claims) = ("eyJhbGciOiJSUzI1NiJ9", "eyJpYXQiOjB9");
    assert!(jwt::read(&format!("{head}.{claims}.AAAA")).is_err());
    assert!(jwt::read("eyJhbGciOiJub25lIn0.eyJpYXQiOjB9.").unwrap_err().contains("none"));
}

async fn authorised(model: &str, own: &Value, env: &[(&'static str, String)]) -> Result<String, Error> {
    let registry = Registry::builtin().unwrap();
    let catalog = Catalog::builtin();
    let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let defaults = Defaults::default();
    let builder = Builder { registry: &registry, catalog: &catalog, env: &env, defaults: &defaults };
    let mut params = Params::new("m", model);
    params.params.extend(own.as_object().unwrap().clone());
    let (deployment, _) = builder.build(&params).map_err(|issues| Error::internal(format!("{issues:?}")))?;
    let transport = Transport::new(&TransportConfig::default()).unwrap();
    let mut request = http::Request::post("http://upstream.test/").body(Payload::new()).unwrap();
    transport.authorise(&deployment.target.signer, &mut request, Limits::default()).await?;
    let value = &request.headers()["authorization"];
    assert!(value.is_sensitive());
    Ok(value.to_str().unwrap().to_owned())
}

fn google(request: &Request) -> Result<(), String> {
    let form = form(request, "/token")?;
    expect(&form, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")?;
    let (_, claims) = jwt::read(form.get("assertion").ok_or("no assertion")?)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let issued = claims["iat"].as_u64().ok_or("no iat")?;
    if claims["exp"] != issued + 3600 || now.abs_diff(issued) > 60 {
        return Err("not now".to_owned());
    }
    let meant = claims["aud"] == "https://oauth2.googleapis.com/token"
        && claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        && claims["iss"] == "golden@golden-project.iam.gserviceaccount.com";
    if meant { Ok(()) } else { Err(format!("claims {claims}")) }
}

fn entra(request: &Request) -> Result<(), String> {
    let form = form(request, "/t/oauth2/v2.0/token")?;
    expect(&form, "grant_type", "client_credentials")?;
    expect(&form, "client_id", "c")?;
    expect(&form, "client_secret", "s&s")?;
    expect(&form, "scope", "https://cognitiveservices.azure.com/.default")
}

fn databricks(request: &Request) -> Result<(), String> {
    let form = form(request, "/oidc/v1/token")?;
    expect(&form, "grant_type", "client_credentials")?;
    expect(&form, "scope", "all-apis")?;
    match request.header("authorization") {
        Some("Basic Yzpz") => Ok(()),
        other => Err(format!("authorization {other:?}")),
    }
}

fn ibm(request: &Request) -> Result<(), String> {
    let form = form(request, "/identity/token")?;
    expect(&form, "grant_type", "urn:ibm:params:oauth:grant-type:apikey")?;
    expect(&form, "apikey", "k&y")
}

fn sber(request: &Request) -> Result<(), String> {
    let form = form(request, "/api/v2/oauth")?;
    expect(&form, "scope", "GIGACHAT_API_PERS")?;
    match (request.header("authorization"), request.header("rquid")) {
        (Some("Basic Y3JlZHM="), Some(id)) if id.len() == 36 => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn github(request: &Request) -> Result<(), String> {
    let asked = (request.method.as_str(), request.target.as_str(), request.header("authorization"));
    if asked != ("GET", "/copilot_internal/v2/token", Some("token ghu_k&y")) {
        return Err(format!("{asked:?}"));
    }
    request.header("editor-version").map(|_| ()).ok_or_else(|| "no editor".to_owned())
}

/// The fields of a posted form.
fn form(request: &Request, path: &str) -> Result<BTreeMap<String, String>, String> {
    if (request.method.as_str(), request.target.as_str()) != ("POST", path) {
        return Err(format!("{} {}", request.method, request.target));
    }
    if request.header("content-type") != Some("application/x-www-form-urlencoded") {
        return Err("no form".to_owned());
    }
    let text = request.text();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), unescaped(value))).collect())
}

fn expect(form: &BTreeMap<String, String>, name: &str, value: &str) -> Result<(), String> {
    match form.get(name) {
        Some(given) if given == value => Ok(()),
        other => Err(format!("{name} is {other:?}")),
    }
}

fn unescaped(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut out = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        out.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        out.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(out).unwrap()
}

//! Where credentials come from, and what is signed with them.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::Request;
use lockgate_aws::Scope;
use lockgate_core::{CloudSettings, Error, Payload, Secret, Signer};
use lockgate_testkit::sample;

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A deployment's surroundings: its parameters, the environment, files.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    params: Pairs<'a>,
    env: Pairs<'a>,
    files: Pairs<'a>,
    api_key: Option<&'a str>,
}

impl Place<'_> {
    fn with<T>(&self, test: impl FnOnce(&CloudSettings<'_>) -> T) -> T {
        let map = |pairs: Pairs<'_>| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (params, env, files) = (map(self.params), map(self.env), map(self.files));
        let provider = sample::provider(&Nothing);
        test(&CloudSettings {
            provider: &provider,
            params: &params,
            api_key: self.api_key.map(Secret::new),
            env: &|name| env.get(name).cloned(),
            file: &|path| files.get(path).cloned(),
        })
    }

    fn signer(&self) -> Result<Arc<dyn Signer>, Error> {
        self.with(|settings| lockgate_aws::signer(settings, &["AWS_BEARER_TOKEN_BEDROCK"]))
    }
}

const NOW: u64 = 1_440_938_160;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn request() -> Request<Payload> {
    Request::post("https://bedrock-runtime.eu-west-1.amazonaws.com/model/a%3A0/converse")
        .extension(Scope { service: "bedrock", region: "eu-west-1".to_owned() })
        .body(Payload::from("{}"))
        .unwrap()
}

fn authorization(request: &Request<Payload>) -> String {
    request.headers()["authorization"].to_str().unwrap().to_owned()
}

fn signed(place: Place<'_>) -> String {
    let mut request = request();
    place.signer().unwrap().sign(&mut request, now()).unwrap();
    authorization(&request)
}

const KEYS: Pairs<'static> = &[("aws_access_key_id", "AKOWN"), ("aws_secret_access_key", "own")];
const ENV_KEYS: Pairs<'static> = &[("AWS_ACCESS_KEY_ID", "AKENV"), ("AWS_SECRET_ACCESS_KEY", "env")];

#[test]
fn the_nearest_credentials_count() {
    let file = [("/h/u/.aws/credentials", "[default]\naws_access_key_id=AKFILE\naws_secret_access_key=f\n")];
    let home = [("HOME", "/h/u")];
    let own = signed(Place { params: KEYS, env: ENV_KEYS, ..Place::default() });
    assert!(
        own.starts_with("AWS4-HMAC-SHA256 Credential=AKOWN/20150830/eu-west-1/bedrock/aws4_request"),
        "{own}"
    );
    assert!(signed(Place { env: ENV_KEYS, files: &file, ..Place::default() }).contains("Credential=AKENV/"));
    assert!(signed(Place { env: &home, files: &file, ..Place::default() }).contains("Credential=AKFILE/"));
    assert_eq!(signed(Place { api_key: Some("bearer-key"), ..Place::default() }), "Bearer bearer-key");
}

#[test]
fn own_keys_come_before_a_bearer_key_of_the_environment() {
    let env = [("AWS_BEARER_TOKEN_BEDROCK", "bearer-key")];
    let both = Place { params: KEYS, env: &env, api_key: Some("bearer-key"), ..Place::default() };
    assert!(signed(both).contains("AKOWN"));
    assert_eq!(signed(Place { api_key: Some("given"), ..both }), "Bearer given");
}

#[test]
fn temporary_keys_send_their_token() {
    let params = [KEYS[0], KEYS[1], ("aws_session_token", "session")];
    let mut request = request();
    Place { params: &params, ..Place::default() }.signer().unwrap().sign(&mut request, now()).unwrap();
    assert_eq!(request.headers()["x-amz-security-token"], "session");
    assert!(authorization(&request).contains("x-amz-security-token"));
}

#[test]
fn without_any_credentials_the_call_fails_with_advice() {
    let env = [("AWS_EC2_METADATA_DISABLED", "true")];
    let error = Place { env: &env, ..Place::default() }.signer().err().unwrap();
    assert!(error.message().contains("aws_access_key_id"), "{error}");
}

/// An answer of the Security Token Service.
const GRANTED: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIATEMP</AccessKeyId>\
    <SecretAccessKey>temp/secret+</SecretAccessKey><SessionToken>temp-session==</SessionToken>\
    <Expiration>2015-08-30T13:36:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

/// Signs a request with keys that were fetched, as the transport does.
fn fetched(signer: &dyn Signer, answer: &'static str) -> Request<Payload> {
    let source = signer.token_source().unwrap();
    let head = sample::head(200, "text/xml");
    let token = source.read(&head, &Bytes::from_static(answer.as_bytes()), now()).unwrap();
    assert_eq!(token.expires_at.duration_since(now()).unwrap().as_secs(), 3600);
    assert!(!format!("{token:?}").contains("temp/secret"));
    let mut request = request();
    source.authorise(&token, &mut request, now()).unwrap();
    request
}

fn form(request: &Request<Payload>) -> HashMap<String, String> {
    let text = String::from_utf8(request.body().to_vec()).unwrap();
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_role_is_assumed_with_the_deployments_keys() {
    let params = [
        KEYS[0],
        KEYS[1],
        ("aws_region_name", "eu-west-1"),
        ("aws_role_name", "arn:aws:iam::1:role/r"),
        ("aws_session_name", "s"),
        ("aws_external_id", "e/1"),
        ("aws_session_tags", r#"[{"Key":"team","Value":"a b"}]"#),
    ];
    let place = Place { params: &params, ..Place::default() };
    let signer = place.signer().unwrap();
    let asked = signer.token_source().unwrap().request(now()).unwrap();
    assert_eq!(asked.uri(), "https://sts.eu-west-1.amazonaws.com/");
    assert!(authorization(&asked).contains("Credential=AKOWN/20150830/eu-west-1/sts/aws4_request"));
    let form = form(&asked);
    for (name, value) in [
        ("Action", "AssumeRole"),
        ("RoleArn", "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"),
        ("RoleSessionName", "s"),
        ("ExternalId", "e%2F1"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "a%20b"),
    ] {
        assert_eq!(form.get(name).map(String::as_str), Some(value), "{name}");
    }
    let request = fetched(&*signer, GRANTED);
    assert!(authorization(&request).contains("Credential=ASIATEMP/20150830/eu-west-1/bedrock/"));
    assert_eq!(request.headers()["x-amz-security-token"], "temp-session==");
    let other = [KEYS[0], KEYS[1], ("aws_role_name", "arn:aws:iam::1:role/other")];
    let other = Place { params: &other, ..Place::default() }.signer().unwrap();
    assert_ne!(other.token_source().unwrap().key(), signer.token_source().unwrap().key());
}

#[test]
fn a_web_identity_needs_no_keys_and_its_file_is_read_for_each_token() {
    let env =
        [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "arn:r"), ("AWS_REGION", "us-east-2")];
    let signer = Place { env: &env, ..Place::default() }.signer().unwrap();
    let source = signer.token_source().unwrap();
    assert_eq!(source.file(), Some("/token"));
    let asked = source.request_with("jwt.a.b", now()).unwrap();
    assert_eq!(asked.uri(), "https://sts.us-east-2.amazonaws.com/");
    assert!(!asked.headers().contains_key("authorization"));
    let form = form(&asked);
    assert_eq!(form["Action"], "AssumeRoleWithWebIdentity");
    assert_eq!(form["WebIdentityToken"], "jwt.a.b");
    let params = [
        ("aws_role_name", "arn:r"),
        ("aws_web_identity_token", "jwt.c.d"),
        ("aws_sts_endpoint", "http://127.0.0.1:9/"),
    ];
    let signer = Place { params: &params, ..Place::default() }.signer().unwrap();
    let asked = signer.token_source().unwrap().request(now()).unwrap();
    assert_eq!(asked.uri(), "http://127.0.0.1:9/");
}

#[test]
fn profiles_lead_to_roles() {
    let files = [
        (
            "/c",
            "[profile dev]\nrole_arn = arn:dev\nsource_profile = base\nexternal_id = x\nregion = ap-south-1\n\
             [profile loop]\nrole_arn = arn:l\nsource_profile = loop2\n\
             [profile loop2]\nrole_arn = arn:l\nsource_profile = loop\n",
        ),
        ("/k", "[base]\naws_access_key_id = AKBASE\naws_secret_access_key = b\n"),
    ];
    let env = [("AWS_CONFIG_FILE", "/c"), ("AWS_SHARED_CREDENTIALS_FILE", "/k")];
    let place =
        Place { params: &[("aws_profile_name", "dev")], env: &env, files: &files, ..Place::default() };
    let signer = place.signer().unwrap();
    let asked = signer.token_source().unwrap().request(now()).unwrap();
    assert!(authorization(&asked).contains("Credential=AKBASE/20150830/ap-south-1/sts/"));
    assert_eq!(form(&asked)["ExternalId"], "x");
    assert!(Place { params: &[("aws_profile_name", "loop")], ..place }.signer().is_err());
    assert!(Place { params: &[("aws_profile_name", "none")], ..place }.signer().is_err());
    let settled = place.with(|settings| lockgate_aws::settle(settings, None));
    assert_eq!(settled.get("aws_region_name").map(String::as_str), Some("ap-south-1"));
}

const TEMPORARY: &str = r#"{"AccessKeyId":"ASIATEMP","SecretAccessKey":"temp/secret+","Token":"temp-session==","Expiration":"2015-08-30T13:36:00Z"}"#;

#[test]
fn containers_and_machines_ask_for_their_keys() {
    let env = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/keys"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t"),
    ];
    let signer = Place { env: &env, ..Place::default() }.signer().unwrap();
    let asked = signer.token_source().unwrap().request(now()).unwrap();
    assert_eq!(
        (asked.uri().to_string(), authorization(&asked)),
        ("http://127.0.0.1/keys".into(), "t".into())
    );
    assert!(authorization(&fetched(&*signer, TEMPORARY)).contains("ASIATEMP"));

    let signer = Place::default().signer().unwrap();
    let source = signer.token_source().unwrap();
    assert_eq!(source.request(now()).unwrap().uri(), "http://169.254.169.254/latest/api/token");
    let session = Bytes::from_static(b"session");
    let roles = source.further(std::slice::from_ref(&session)).unwrap().unwrap();
    assert!(roles.uri().path().ends_with("/security-credentials/"));
    assert_eq!(roles.headers()["x-aws-ec2-metadata-token"], "session");
    let keys = source.further(&[session.clone(), Bytes::from_static(b"my-role\n")]).unwrap().unwrap();
    assert!(keys.uri().path().ends_with("/security-credentials/my-role"));
    assert!(source.further(&[session.clone(), session.clone(), session]).unwrap().is_none());
    assert!(authorization(&fetched(&*signer, TEMPORARY)).contains("ASIATEMP"));
}

#[test]
fn a_role_may_be_assumed_with_keys_that_are_fetched() {
    let env = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")];
    let params = [("aws_role_name", "arn:r")];
    let signer = Place { params: &params, env: &env, ..Place::default() }.signer().unwrap();
    let source = signer.token_source().unwrap();
    let base = source.base().unwrap();
    assert_eq!(base.request(now()).unwrap().uri(), "http://169.254.170.2/v2/x");
    let mut asked = source.request(now()).unwrap();
    let head = sample::head(200, "application/json");
    let token = base.read(&head, &Bytes::from_static(TEMPORARY.as_bytes()), now()).unwrap();
    base.authorise(&token, &mut asked, now()).unwrap();
    assert!(authorization(&asked).contains("/us-west-2/sts/aws4_request"));
}

#[test]
fn refusals_of_keys_are_explained() {
    let params = [KEYS[0], KEYS[1], ("aws_role_name", "arn:r")];
    let signer = Place { params: &params, ..Place::default() }.signer().unwrap();
    let refusal =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not you.</Message></Error></ErrorResponse>";
    for (status, kind) in [(403, 401), (503, 503)] {
        let head = sample::head(status, "text/xml");
        let body = Bytes::from_static(refusal.as_bytes());
        let error = signer.token_source().unwrap().read(&head, &body, now()).err().unwrap();
        assert!(error.message().contains("AccessDenied: Not you."), "{error}");
        assert_eq!(error.kind().status(), kind);
    }
}

#[test]
fn settled_parameters_hold_no_secrets() {
    let params = [KEYS[0], KEYS[1], ("aws_session_token", "t"), ("end", "http://x/")];
    let env = [("AWS_REGION_NAME", "eu-west-1"), ("END", "http://y/")];
    let settled = Place { params: &params, env: &env, ..Place::default() }
        .with(|settings| lockgate_aws::settle(settings, Some(("end", "END"))));
    assert!(!settled.contains_key("aws_secret_access_key") && !settled.contains_key("aws_session_token"));
    assert_eq!((settled["aws_region_name"].as_str(), settled["end"].as_str()), ("eu-west-1", "http://x"));
}

/// A dialect that is never asked.
struct Nothing;

impl lockgate_core::Dialect for Nothing {
    fn id(&self) -> &'static str {
        "nothing"
    }
    fn encode(&self, _: &lockgate_core::Attempt<'_>) -> lockgate_core::Result<lockgate_core::Encoded> {
        Err(Error::internal("never asked"))
    }
    fn decode(
        &self,
        _: &lockgate_core::Attempt<'_>,
        _: &lockgate_core::Encoded,
        _: &http::response::Parts,
        _: Bytes,
    ) -> lockgate_core::Result<lockgate_core::Reply> {
        Err(Error::internal("never asked"))
    }
    fn stream(
        &self,
        _: &lockgate_core::Attempt<'_>,
        _: &lockgate_core::Encoded,
        _: &http::response::Parts,
    ) -> Box<dyn lockgate_core::StreamDecoder> {
        panic!("never asked")
    }
    fn reject(&self, _: &lockgate_core::Attempt<'_>, _: &http::response::Parts, _: &Bytes) -> Error {
        Error::internal("never asked")
    }
    fn inspect(
        &self,
        _: &lockgate_core::Encoded,
        _: &http::response::Parts,
        _: &Bytes,
    ) -> lockgate_core::Result<Option<lockgate_core::Usage>> {
        Ok(None)
    }
    fn probe(&self, _: &lockgate_core::Encoded) -> Box<dyn lockgate_core::Probe> {
        panic!("never asked")
    }
}

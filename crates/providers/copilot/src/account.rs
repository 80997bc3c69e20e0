//! The account's token, and what it is exchanged for.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header, response::Parts};
use lockgate_core::{
    CloudSettings, Payload, Result, Secret, Signer, Token, TokenSource,
    oauth::{granted, key, wrong},
    token::TokenSigner,
};

const EXCHANGE: &str = "https://api.github.com/copilot_internal/v2/token";
/// Where LiteLLM keeps the account's token, below the home directory.
const FOLDER: &str = ".config/litellm/github_copilot";
const FILE: &str = "access-token";
/// GitHub exchanges tokens for editors that it knows.
const EDITOR: [(&str, &str); 3] = [
    ("editor-version", "vscode/1.95.0"),
    ("editor-plugin-version", "copilot-chat/0.26.7"),
    ("user-agent", "GitHubCopilotChat/0.26.7"),
];

/// The signer of a deployment.
///
/// # Errors
/// There is no account, or its token cannot stand in a header.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let given = settings.api_key.as_ref().map(|key| key.expose().to_owned());
    let Some(token) = given.or_else(|| kept(settings)).filter(|token| !token.is_empty()) else {
        return Err(wrong(format!(
            "`{}` needs the token of a GitHub account that has Copilot: an `api_key` ({}), or the file `{FILE}` in \
             GITHUB_COPILOT_TOKEN_DIR.",
            settings.provider.id,
            settings.provider.auth.env.join(", ")
        )));
    };
    let url = settings.find("", &["GITHUB_COPILOT_API_KEY_URL"]).unwrap_or_else(|| EXCHANGE.to_owned());
    let key = key("github_copilot", &[&url, &token]);
    let account = Secret::new(token).header_value("token ")?;
    Ok(Arc::new(TokenSigner(Account { url, account, key })))
}

/// The token that LiteLLM has kept.
fn kept(settings: &CloudSettings<'_>) -> Option<String> {
    let home = || Some(format!("{}/{FOLDER}", settings.find("", &["HOME", "USERPROFILE"])?));
    let folder = settings.find("", &["GITHUB_COPILOT_TOKEN_DIR"]).or_else(home)?;
    let file = settings.find("", &["GITHUB_COPILOT_ACCESS_TOKEN_FILE"]).unwrap_or_else(|| FILE.to_owned());
    (settings.file)(&format!("{folder}/{file}")).map(|text| text.trim().to_owned())
}

/// Who asks for tokens.
struct Account {
    url: String,
    account: HeaderValue,
    key: String,
}

impl TokenSource for Account {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, _now: SystemTime) -> Result<Request<Payload>> {
        let request = Request::get(&self.url).header(header::ACCEPT, "application/json").body(Payload::new());
        let mut request = request.map_err(|_| wrong("GITHUB_COPILOT_API_KEY_URL is no URL."))?;
        request.headers_mut().insert(header::AUTHORIZATION, self.account.clone());
        for (name, value) in EDITOR {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Ok(request)
    }

    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token> {
        granted("GitHub", head, body, now)
    }
}

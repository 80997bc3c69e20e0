//! The account's token, and whose it is.

use std::{sync::Arc, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue, Request, header};
use lockgate_core::{CloudSettings, Payload, Result, Secret, Signer, oauth::wrong, wire::view};

const ACCOUNT: HeaderName = HeaderName::from_static("chatgpt-account-id");
const FILE: &str = "auth.json";
/// Where tools keep it, below the home directory.
const FOLDERS: [&str; 2] = [".config/litellm/chatgpt", ".codex"];

view! {
    #[derive(Clone, Default)]
    struct Kept {
        access_token: Option<String>,
        account_id: Option<String>,
        tokens: Option<Box<Kept>>,
    }
}

view! {
    #[derive(Clone, Default)]
    struct Claims {
        auth as "https://api.openai.com/auth": Option<Auth>,
    }
}

view! {
    #[derive(Clone, Default)]
    struct Auth {
        account as "chatgpt_account_id": Option<String>,
    }
}

/// The signer of a deployment.
///
/// # Errors
/// There is no token, or it cannot stand in a header.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let given = settings.api_key.as_ref().map(|key| key.expose().to_owned());
    let (token, kept) = match given {
        Some(token) => (Some(token), None),
        None => kept(settings).map_or((None, None), |kept| (kept.access_token, kept.account_id)),
    };
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Err(wrong(format!(
            "`{}` needs the token of a ChatGPT account: an `api_key` ({}), or the file `{FILE}` in CHATGPT_TOKEN_DIR.",
            settings.provider.id,
            settings.provider.auth.env.join(", ")
        )));
    };
    let account =
        settings.find("chatgpt_account_id", &["CHATGPT_ACCOUNT_ID"]).or(kept).or_else(|| claimed(&token));
    let account = account.and_then(|account| HeaderValue::try_from(account).ok());
    Ok(Arc::new(Account { token: Secret::new(token).header_value("Bearer ")?, account }))
}

/// What a tool has kept.
fn kept(settings: &CloudSettings<'_>) -> Option<Kept> {
    let folders = match settings.find("", &["CHATGPT_TOKEN_DIR"]) {
        Some(folder) => vec![folder],
        None => {
            let home = settings.find("", &["HOME", "USERPROFILE"])?;
            FOLDERS.iter().map(|folder| format!("{home}/{folder}")).collect()
        }
    };
    let file = settings.find("", &["CHATGPT_AUTH_FILE"]).unwrap_or_else(|| FILE.to_owned());
    let text = folders.iter().find_map(|folder| (settings.file)(&format!("{folder}/{file}")))?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    Some(match kept.tokens {
        Some(tokens) => *tokens,
        None => kept,
    })
}

/// The account that the token itself names.
fn claimed(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok()?.auth?.account
}

struct Account {
    token: HeaderValue,
    account: Option<HeaderValue>,
}

impl Signer for Account {
    fn sign(&self, request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.token.clone());
        if let Some(account) = &self.account {
            headers.insert(ACCOUNT, account.clone());
        }
        Ok(())
    }
}

//! A key to sign with, and the reader of what it has signed.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::Value;

/// A private RSA key that was made for tests and opens nothing.
pub const KEY: &str = include_str!("throw-away-key.pem");

/// A service account of Google's that signs with [`KEY`], calls it `key_id`, and asks for its tokens at `token_uri`.
pub fn service_account(token_uri: &str, key_id: &str) -> String {
    serde_json::json!({
        "type": "service_account",
        "project_id": "golden-project",
        "private_key_id": key_id,
        "private_key": KEY,
        "client_email": "golden@golden-project.iam.gserviceaccount.com",
        "token_uri": token_uri,
    })
    .to_string()
}

/// Header and claims of a token that [`KEY`] has signed by RS256.
///
/// # Errors
/// It is no such token; the text says why.
pub fn read(token: &str) -> Result<(Value, Value), String> {
    let (signed, signature) = token.rsplit_once('.').ok_or("no JWT")?;
    let (head, claims) = signed.split_once('.').ok_or("no JWT")?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string());
    let json = |part: &str| serde_json::from_slice(&bytes(part)?).map_err(|error| error.to_string());
    let head: Value = json(head)?;
    if head["alg"] != "RS256" {
        return Err(format!("signed by {}", head["alg"]));
    }
    let public = pair().public().as_ref().to_vec();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
        .verify(signed.as_bytes(), &bytes(signature)?)
        .map_err(|_| "the signature is wrong".to_owned())?;
    Ok((head, json(claims)?))
}

fn pair() -> RsaKeyPair {
    let body: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap()
}

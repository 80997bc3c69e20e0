//! Callers that sign instead of showing their key: AWS's SDKs, which know nothing else unless they are told.
//!
//! Such a client has a key of the gateway's as both parts of an AWS access key. The first part is in the request, the
//! second signs it (Signature Version 4); that the signature is right can be said when the body has come.

use std::{borrow::Cow, time::Duration};

use http::{HeaderName, header, request::Parts};
use lockgate_core::{Error, ErrorKind, Origin, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

/// The scheme's name in `authorization`, and the first line of what is signed.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What stands for a body's digest that was not made.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Signatures that are older or from further ahead are refused.
const SKEW: Duration = Duration::from_secs(5 * 60);

static DATE: HeaderName = HeaderName::from_static("x-amz-date");
static CONTENT_DIGEST: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// What stays as it is in a canonical path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A signature that is still to be checked against the body.
pub(crate) struct Signature {
    key: String,
    /// Date, region, service and a constant, with slashes between them.
    scope: String,
    date: String,
    /// All that is signed, up to the digest of the body.
    head: String,
    /// The body's digest as the client says it.
    digest: Option<String>,
    signature: Vec<u8>,
}

impl Signature {
    /// Reads a request's signature; nothing if it has none.
    ///
    /// # Errors
    /// It is malformed, or not of this time.
    pub(crate) fn read(parts: &Parts, now: Duration) -> Result<Option<Self>> {
        let Some(said) = text(parts, &header::AUTHORIZATION).and_then(|text| text.strip_prefix(ALGORITHM))
        else {
            return Ok(None);
        };
        let member = |name: &str| {
            let mut members = said.split(',').map(str::trim);
            members.find_map(|member| member.strip_prefix(name)?.strip_prefix('='))
        };
        let read = || {
            let (key, scope) = credential(member("Credential")?)?;
            let date = text(parts, &DATE)?;
            let signed = member("SignedHeaders")?;
            Some(Self {
                key: key.to_owned(),
                scope: scope.to_owned(),
                date: date.to_owned(),
                head: head(parts, signed)?,
                digest: text(parts, &CONTENT_DIGEST).map(str::to_owned),
                signature: hex::decode(member("Signature")?).ok()?,
            })
        };
        let signature = read().ok_or_else(|| denied("The request's AWS signature is incomplete."))?;
        let signed_at = seconds(&signature.date);
        if signed_at.is_none_or(|at| at.abs_diff(now) > SKEW)
            || !signature.scope.starts_with(day(&signature.date))
        {
            return Err(denied(
                "Signature expired: the request's date is more than five minutes from the gateway's.",
            ));
        }
        Ok(Some(signature))
    }

    /// The key that the caller says it has.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Checks that the caller has the whole key.
    ///
    /// # Errors
    /// It signed with another one, or something else.
    pub(crate) fn verify(&self, body: &[u8]) -> Result<()> {
        let own = hex::encode(digest::digest(&digest::SHA256, body));
        let digest = match self.digest.as_deref() {
            Some(UNSIGNED) => UNSIGNED,
            Some(said) if said != own => return Err(mismatch()),
            _ => &own,
        };
        let request = format!("{}\n{digest}", self.head);
        let request = hex::encode(digest::digest(&digest::SHA256, request.as_bytes()));
        let words = format!("{ALGORITHM}\n{}\n{}\n{request}", self.date, self.scope);
        let mut secret = format!("AWS4{}", self.key).into_bytes();
        for step in self.scope.split('/') {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            secret = hmac::sign(&key, step.as_bytes()).as_ref().to_vec();
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::verify(&key, words.as_bytes(), &self.signature).map_err(|_| mismatch())
    }
}

/// The access key's id, and the scope. The former may contain slashes.
fn credential(text: &str) -> Option<(&str, &str)> {
    let (at, _) = text.rmatch_indices('/').nth(3)?;
    let (key, scope) = (text.get(..at)?, text.get(at + 1..)?);
    (!key.is_empty() && scope.ends_with("/aws4_request")).then_some((key, scope))
}

/// The canonical request without its last line.
fn head(parts: &Parts, signed: &str) -> Option<String> {
    let path = utf8_percent_encode(parts.uri.path(), PATH);
    let mut query: Vec<Cow<'_, str>> =
        parts.uri.query().unwrap_or_default().split('&').map(Cow::Borrowed).collect();
    query.retain(|pair| !pair.is_empty());
    for pair in &mut query {
        if !pair.contains('=') {
            pair.to_mut().push('=');
        }
    }
    query.sort();
    let mut headers = String::new();
    for name in signed.split(';') {
        let values: Vec<Cow<'_, str>> = match name {
            "host" => vec![host(parts)?.into()],
            _ => parts
                .headers
                .get_all(name)
                .iter()
                .map(|value| value.to_str().ok().map(|text| squeezed(text).into()))
                .collect::<Option<_>>()?,
        };
        if values.is_empty() {
            return None;
        }
        headers.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Some(format!("{}\n{path}\n{}\n{headers}\n{signed}", parts.method, query.join("&")))
}

fn host(parts: &Parts) -> Option<&str> {
    text(parts, &header::HOST).or_else(|| parts.uri.authority().map(|authority| authority.as_str()))
}

fn squeezed(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn text<'a>(parts: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

/// Seconds since 1970 of `20260102T030405Z`.
fn seconds(date: &str) -> Option<Duration> {
    let number = |range: std::ops::Range<usize>| date.get(range)?.parse::<i64>().ok();
    if date.len() != 16 || !date.ends_with('Z') || date.as_bytes().get(8) != Some(&b'T') {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    // Years begin in March, so that the leap day is the last of one.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 719_469;
    let seconds = days * 86_400 + number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

fn day(date: &str) -> &str {
    date.get(..8).unwrap_or(date)
}

fn mismatch() -> Error {
    denied(
        "The request signature we calculated does not match the signature you provided. Give the same key of the gateway \
         as access key id and as secret access key.",
    )
}

fn denied(message: &str) -> Error {
    Error::new(ErrorKind::PermissionDenied, Origin::Client, message)
        .with_type("auth_error")
        .with_code("InvalidSignatureException")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn dates() {
        assert_eq!(seconds("19700101T000000Z"), Some(Duration::ZERO));
        assert_eq!(seconds("20240229T120000Z"), Some(Duration::from_secs(1_709_208_000)));
        assert_eq!(seconds("20260101T000001Z"), Some(Duration::from_secs(1_767_225_601)));
        assert!(
            seconds("20260101T00000Z").is_none()
                && seconds("").is_none()
                && seconds("2026010éT00000Z").is_none()
        );
    }

    #[test]
    fn keys_may_contain_slashes() {
        let scope = "20260101/us-east-1/bedrock/aws4_request";
        assert_eq!(credential(&format!("sk-a/b/{scope}")), Some(("sk-a/b", scope)));
        assert!(credential(scope).is_none() && credential("").is_none());
    }

    /// The example of AWS's documentation: listing users, signed in 2015.
    #[test]
    fn the_documented_example() {
        let authorization = "AWS4-HMAC-SHA256 Credential=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY/20150830/us-east-1/iam/aws4_request, \
                             SignedHeaders=content-type;host;x-amz-date, \
                             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let (parts, ()) = Request::get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("host", "iam.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header("authorization", authorization)
            .body(())
            .unwrap()
            .into_parts();
        let then = seconds("20150830T123900Z").unwrap();
        let signature = Signature::read(&parts, then).unwrap().unwrap();
        assert_eq!(signature.key(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        signature.verify(b"").unwrap();
        let wrong = signature.verify(b"x").unwrap_err();
        assert_eq!(
            (wrong.kind(), wrong.code()),
            (ErrorKind::PermissionDenied, Some("InvalidSignatureException"))
        );
        let late = Signature::read(&parts, then + SKEW).err().unwrap();
        assert!(late.message().contains("expired"));
    }

    #[test]
    fn others_have_no_signature() {
        let (mut parts, ()) =
            Request::get("/").header("authorization", "Bearer sk").body(()).unwrap().into_parts();
        assert!(Signature::read(&parts, Duration::ZERO).unwrap().is_none());
        for odd in [
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=x, Signature=zz",
        ] {
            parts.headers.insert("authorization", odd.parse().unwrap());
            assert!(Signature::read(&parts, Duration::ZERO).is_err());
        }
    }
}

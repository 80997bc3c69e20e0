//! Downloading a file that a client named by URL.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, Uri,
    header::{self, HeaderMap},
    uri::{PathAndQuery, Scheme},
};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{
    body::Incoming,
    client::conn::http1,
    rt::{Read, Write},
};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector};
use lockgate_core::{Error, ErrorKind, MediaFile, Origin};
use rustls::pki_types::ServerName;
use tokio::time;
use tower_service::Service;

use crate::{Egress, Limits, Transport, connect, egress::is_public, mime};

const MAX_REDIRECTS: usize = 5;
/// The same for a name that does not exist, so that nobody learns which names exist inside.
const REFUSED: &str = "its host cannot be resolved or its address is not allowed; \
                       an administrator can allow the host in `user_url_allowed_hosts`";

impl Transport {
    /// Downloads a file. Its host is resolved once and connected to at the address that was checked; each redirect is
    /// checked anew. Behind a proxy it is the proxy that resolves names, so only literal addresses are checked here.
    ///
    /// # Errors
    /// [`ImageFetch`](ErrorKind::ImageFetch): the URL makes no sense or leads where it may not, the server does not
    /// answer with a file, or the file is too long. The message names the host only.
    pub async fn fetch(&self, url: &str, guard: &Egress) -> Result<MediaFile, Error> {
        let Some(uri) = parse(url) else {
            return Err(failed("the file", "its URL is not a valid http or https address"));
        };
        let what = format!("the file from {}", uri.host().unwrap_or_default());
        match time::timeout(guard.timeout, self.follow(uri, guard)).await {
            Ok(fetched) => fetched.map_err(|reason| failed(&what, &reason)),
            Err(_) => Err(failed(&what, &format!("it took longer than {} s", guard.timeout.as_secs_f64()))),
        }
    }

    async fn follow(&self, mut uri: Uri, guard: &Egress) -> Result<MediaFile, String> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.get(&uri, guard).await?;
            if let Some(location) = redirect(&answer) {
                uri = resolve(&uri, location).ok_or("it redirects to an invalid address")?;
                continue;
            }
            if !answer.status().is_success() {
                return Err(format!("the server answered with status {}", answer.status().as_u16()));
            }
            return read(&uri, answer, guard.max_bytes).await;
        }
        Err(format!("it redirects more than {MAX_REDIRECTS} times"))
    }

    async fn get(&self, uri: &Uri, guard: &Egress) -> Result<Response<Incoming>, String> {
        let host = uri.host().ok_or("its URL has no host")?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let allowed = guard.allows_host(host, port);
        let mut tcp = self.connector().tcp(Limits::default().connect);
        if let Some(proxy) = self.connector().proxy(uri) {
            if !allowed && !may_ask_proxy(host) {
                return Err(REFUSED.to_owned());
            }
            if secure {
                let mut https = self.https(connect::tunnel(&proxy, tcp), host).await?;
                return exchange(https.call(uri.clone()).await.map_err(no_connection)?, request(uri, false))
                    .await;
            }
            let mut request = request(uri, true);
            if let Some(credential) = connect::proxy_credential(&proxy) {
                request.headers_mut().insert(header::PROXY_AUTHORIZATION, credential);
            }
            return exchange(tcp.call(proxy.uri().clone()).await.map_err(no_connection)?, request).await;
        }
        let address = checked_address(host, port, allowed).await?;
        let address: Uri = format!("{}://{address}", if secure { "https" } else { "http" })
            .parse()
            .map_err(|_| "its URL is not valid")?;
        if secure {
            let mut https = self.https(tcp, host).await?;
            exchange(https.call(address).await.map_err(no_connection)?, request(uri, false)).await
        } else {
            exchange(tcp.call(address).await.map_err(no_connection)?, request(uri, false)).await
        }
    }

    /// A TLS connector that expects the certificate of `host`, wherever it connects to.
    async fn https<C>(&self, inner: C, host: &str) -> Result<HttpsConnector<C>, String> {
        let tls = self.connector().tls().await.map_err(|error| error.to_string())?;
        let mut tls = rustls::ClientConfig::clone(&tls);
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| "its host is not a valid name")?;
        Ok(HttpsConnector::new(inner, tls, true, std::sync::Arc::new(FixedServerNameResolver::new(name))))
    }
}

fn failed(what: &str, reason: &str) -> Error {
    Error::new(ErrorKind::ImageFetch, Origin::Client, format!("Unable to fetch {what}: {reason}."))
}

fn no_connection<E>(_: E) -> String {
    "no connection could be made".to_owned()
}

/// Resolves the host once and checks where it leads. All of its addresses must be good: a name that also leads inside
/// is an attack.
async fn checked_address(host: &str, port: u16, allowed: bool) -> Result<SocketAddr, String> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((name, port)).await.map_err(|_| REFUSED)?;
    let addresses: Vec<SocketAddr> = found.collect();
    if !allowed && !addresses.iter().all(|address| is_public(address.ip())) {
        return Err(REFUSED.to_owned());
    }
    addresses.into_iter().next().ok_or_else(|| REFUSED.to_owned())
}

/// Whether a host may be named to a proxy without having been resolved: literal addresses must be public, in every
/// notation that resolvers take for one, and names must not be this machine's.
fn may_ask_proxy(host: &str) -> bool {
    let name = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    if let Ok(address) = name.parse() {
        return is_public(address);
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    !numeric && !matches!(last, "localhost" | "internal" | "local" | "localdomain")
}

fn request(uri: &Uri, whole: bool) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    let headers = request.headers_mut();
    let host = match uri.port() {
        Some(port) => format!("{}:{port}", uri.host().unwrap_or_default()),
        None => uri.host().unwrap_or_default().to_owned(),
    };
    if let Ok(host) = HeaderValue::from_str(&host) {
        headers.insert(header::HOST, host);
    }
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("lockgate/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = if whole { uri.clone() } else { Uri::from(path) };
    request
}

async fn exchange<I>(io: I, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, String>
where
    I: Read + Write + Send + Unpin + 'static,
{
    const BROKEN: &str = "the connection broke";
    let (mut sender, connection) = http1::handshake(io).await.map_err(|_| BROKEN)?;
    // Ends when the answer has been read or dropped.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|_| BROKEN.to_owned())
}

fn redirect<B>(answer: &Response<B>) -> Option<&str> {
    matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308).then_some(())?;
    answer.headers().get(header::LOCATION)?.to_str().ok()
}

async fn read(uri: &Uri, answer: Response<Incoming>, max_bytes: usize) -> Result<MediaFile, String> {
    let too_long = || format!("it is longer than {max_bytes} bytes");
    let (head, body) = answer.into_parts();
    if declared_length(&head.headers).is_some_and(|length| length > max_bytes as u64) {
        return Err(too_long());
    }
    match Limited::new(body, max_bytes).collect().await {
        Ok(whole) => {
            let bytes = whole.to_bytes();
            let said = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            Ok(MediaFile { mime: mime::of_file(said, uri.path(), &bytes), bytes })
        }
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(_) => Err("the connection broke".to_owned()),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// An http or https URL; characters that people write but URLs may not hold are escaped.
fn parse(url: &str) -> Option<Uri> {
    let mut escaped = String::with_capacity(url.len());
    for byte in url.trim().split('#').next()?.bytes() {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') => {
                escaped.push(byte as char)
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    let uri: Uri = escaped.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    (known && uri.host().is_some_and(|host| !host.is_empty())).then_some(uri)
}

/// Where a redirect leads, seen from `base`.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    if location.starts_with("//") {
        return parse(&format!("{scheme}:{location}"));
    }
    if location.split(['/', '?']).next().is_some_and(|front| front.contains(':')) {
        return parse(location);
    }
    let directory = match location.as_bytes().first() {
        Some(b'/') => "",
        Some(b'?') => base.path(),
        _ => base.path().rsplit_once('/').map_or("", |(directory, _)| directory),
    };
    let joiner = if location.starts_with(['/', '?']) { "" } else { "/" };
    parse(&format!("{scheme}://{}{directory}{joiner}{location}", base.authority()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(base: &str, location: &str) -> String {
        resolve(&parse(base).unwrap(), location).map(|uri| uri.to_string()).unwrap_or_default()
    }

    #[test]
    fn redirects_are_resolved() {
        let base = "http://a.example:81/x/y?q=1";
        assert_eq!(resolved(base, "https://b.example/z"), "https://b.example/z");
        assert_eq!(resolved(base, "//b.example/z"), "http://b.example/z");
        assert_eq!(resolved(base, "/z?p"), "http://a.example:81/z?p");
        assert_eq!(resolved(base, "z"), "http://a.example:81/x/z");
        assert_eq!(resolved(base, "?p=2"), "http://a.example:81/x/y?p=2");
        assert_eq!(resolved(base, "file:///etc/passwd"), "");
        assert_eq!(resolved(base, "gopher://b.example/"), "");
    }

    #[test]
    fn urls_are_escaped_or_refused() {
        assert_eq!(
            parse(" http://a.example/ü b.png#top ").unwrap().to_string(),
            "http://a.example/%C3%BC%20b.png"
        );
        for bad in ["", "ftp://a.example/", "a.png", "http://", "data:image/png;base64,AA==", "http:///x"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn proxies_are_not_asked_for_inside_addresses() {
        for host in [
            "127.0.0.1",
            "[::1]",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "localhost",
            "a.localhost.",
            "metadata.google.internal",
        ] {
            assert!(!may_ask_proxy(host), "{host}");
        }
        assert!(
            may_ask_proxy("files.example") && may_ask_proxy("8.8.8.8") && may_ask_proxy("[2606:4700::1111]")
        );
    }
}

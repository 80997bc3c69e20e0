//! Opening connections: TCP, proxies, TLS.

use std::{
    error::Error as StdError,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{Connection, HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use rustls::ClientConfig;
use tokio::{net::TcpStream, sync::OnceCell};
use tower_service::Service;

use crate::{TransportConfig, TransportError, tls};

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections for the pool.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    tcp: HttpConnector,
    proxies: Option<Matcher>,
    tls: OnceCell<Arc<ClientConfig>>,
    config: TransportConfig,
}

impl Connector {
    pub(crate) fn new(config: &TransportConfig) -> Result<Self, TransportError> {
        if let Some(path) = &config.ca_file {
            tls::roots(path)?;
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let proxies = proxies(config)?;
        Ok(Self(Arc::new(Inner { tcp, proxies, tls: OnceCell::new(), config: config.clone() })))
    }

    /// The proxy for that address.
    pub(crate) fn proxy(&self, uri: &Uri) -> Option<Intercept> {
        self.0.proxies.as_ref()?.intercept(uri)
    }

    /// The TLS settings, made on first use and off the runtime's workers.
    pub(crate) async fn tls(&self) -> Result<Arc<ClientConfig>, BoxError> {
        let make = || async {
            let config = self.0.config.clone();
            let made = tokio::task::spawn_blocking(move || tls::client_config(&config)).await?;
            Ok::<_, BoxError>(Arc::new(made?))
        };
        self.0.tls.get_or_try_init(make).await.cloned()
    }

    /// A TCP connector that gives each of several addresses its share of the limit.
    pub(crate) fn tcp(&self, limit: Duration) -> HttpConnector {
        let mut tcp = self.0.tcp.clone();
        tcp.set_connect_timeout(Some(limit));
        tcp
    }

    /// Opens a connection to the host of `uri`. The caller enforces the limit on the whole.
    pub(crate) async fn open(&self, uri: Uri, limit: Duration) -> Result<Stream, BoxError> {
        let mut tcp = self.tcp(limit);
        let secure = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let Some(proxy) = self.proxy(&uri) else {
            let io = if secure {
                HttpsConnector::from((tcp, self.tls().await?)).call(uri).await?
            } else {
                MaybeHttpsStream::Http(tcp.call(uri).await?)
            };
            return Ok(Stream(io));
        };
        if secure {
            let tunnel = tunnel(&proxy, tcp);
            let io = HttpsConnector::from((tunnel, self.tls().await?)).call(uri).await?;
            Ok(Stream(io))
        } else {
            Ok(Stream(MaybeHttpsStream::Http(tcp.call(proxy.uri().clone()).await?)))
        }
    }
}

/// A tunnel through the proxy, with its credential.
pub(crate) fn tunnel(proxy: &Intercept, tcp: HttpConnector) -> Tunnel<HttpConnector> {
    let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
    match proxy.basic_auth() {
        Some(credential) => tunnel.with_auth(credential.clone()),
        None => tunnel,
    }
}

/// The credential for a plain request through the proxy.
pub(crate) fn proxy_credential(proxy: &Intercept) -> Option<HeaderValue> {
    let mut credential = proxy.basic_auth()?.clone();
    credential.set_sensitive(true);
    Some(credential)
}

fn proxies(config: &TransportConfig) -> Result<Option<Matcher>, TransportError> {
    let value =
        |variable: &'static str, setting: &Option<lockgate_core::Secret>| -> Result<String, TransportError> {
            let value = setting.as_ref().map(|secret| secret.expose().trim().to_owned()).unwrap_or_default();
            let address = value.strip_prefix("http://").unwrap_or(&value);
            if address.contains("://")
                || (!address.is_empty() && address.parse::<Uri>().is_err() && value.parse::<Uri>().is_err())
            {
                return Err(TransportError::Proxy { variable });
            }
            Ok(value)
        };
    let http = value("HTTP_PROXY", &config.http_proxy)?;
    let https = value("HTTPS_PROXY", &config.https_proxy)?;
    if http.is_empty() && https.is_empty() {
        return Ok(None);
    }
    let no = config.no_proxy.clone().unwrap_or_default();
    Ok(Some(Matcher::builder().http(http).https(https).no(no).build()))
}

/// An open connection.
pub(crate) struct Stream(Io);

impl Stream {
    /// Whether the upstream chose HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.0.connected().is_negotiated_h2()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }
}

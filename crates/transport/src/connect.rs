//! Opening connections: TCP, proxies, TLS.

use std::{
    cell::Cell,
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
        legacy::connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use rustls::ClientConfig;
use tokio::{net::TcpStream, sync::OnceCell, time};
use tower_service::Service;

use crate::{TransportConfig, TransportError, failure::ConnectTimeout, tls};

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;
type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

tokio::task_local! {
    /// The attempt whose future is being polled. The pool gives its connector no more than an address, and calls it
    /// from within the attempt's own poll.
    pub(crate) static DIALLING: Dialling;
}

/// What the connector knows of an attempt, and tells it.
pub(crate) struct Dialling {
    /// The attempt's connect limit.
    pub(crate) limit: Duration,
    /// Whether a new connection was begun; if not, a pooled one was used.
    pub(crate) begun: Cell<bool>,
}

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

    async fn open(self, uri: Uri, limit: Duration) -> Result<Stream, BoxError> {
        let mut tcp = self.tcp(limit);
        let secure = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let Some(proxy) = self.proxy(&uri) else {
            let io = if secure {
                HttpsConnector::from((tcp, self.tls().await?)).call(uri).await?
            } else {
                MaybeHttpsStream::Http(tcp.call(uri).await?)
            };
            return Ok(Stream { io, proxied: false });
        };
        if secure {
            let tunnel = tunnel(&proxy, tcp);
            let io = HttpsConnector::from((tunnel, self.tls().await?)).call(uri).await?;
            Ok(Stream { io, proxied: false })
        } else {
            Ok(Stream { io: MaybeHttpsStream::Http(tcp.call(proxy.uri().clone()).await?), proxied: true })
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        let begun = DIALLING.try_with(|dialling| {
            dialling.begun.set(true);
            dialling.limit
        });
        let limit = begun.unwrap_or(crate::Limits::default().connect);
        let opening = self.clone().open(uri, limit);
        Box::pin(async move {
            time::timeout(limit, opening).await.unwrap_or_else(|_| Err(ConnectTimeout(limit).into()))
        })
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
pub(crate) struct Stream {
    io: Io,
    /// Plain requests to a proxy name the whole address.
    proxied: bool,
}

impl Connection for Stream {
    /// Leaves out the socket's addresses, which the pool would copy into each answer's extensions.
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.proxied);
        if self.io.connected().is_negotiated_h2() { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}

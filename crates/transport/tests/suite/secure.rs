//! TLS, HTTP/2, proxies.

use std::{
    convert::Infallible,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use crate::common::{Upstream, ms, send, text};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use lockgate_core::ErrorKind;
use lockgate_transport::{Egress, Transport, TransportConfig, TransportError};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

/// An HTTPS upstream on a local socket, with a certificate authority of its own.
struct Secure {
    port: u16,
    ca: tempfile::NamedTempFile,
    connections: Arc<AtomicUsize>,
    /// Requests at a time on one connection, at most.
    peak: Arc<AtomicUsize>,
    /// Endless streams that the client no longer wanted.
    gone: Arc<AtomicUsize>,
}

/// One piece, and then nothing for ever.
struct Endless {
    told: bool,
    gone: Arc<AtomicUsize>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match std::mem::replace(&mut self.told, true) {
            false => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: 1\n\n"))))),
            true => Poll::Pending,
        }
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.gone.fetch_add(1, SeqCst);
    }
}

impl Secure {
    async fn start(protocols: &[&str]) -> Self {
        let certified =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "upstream.example".to_owned()])
                .unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), certified.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certified.cert.der().clone()], key)
                .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let peak = Arc::new(AtomicUsize::new(0));
        let gone = Arc::new(AtomicUsize::new(0));
        tokio::spawn(accept(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            connections.clone(),
            peak.clone(),
            gone.clone(),
        ));
        Self { port, ca, connections, peak, gone }
    }

    fn config(&self) -> TransportConfig {
        TransportConfig { ca_file: Some(self.ca.path().to_owned()), ..TransportConfig::default() }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/v1", self.port)
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    connections: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
    gone: Arc<AtomicUsize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, connections, peak, gone) = (tls.clone(), connections.clone(), peak.clone(), gone.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            connections.fetch_add(1, SeqCst);
            let active = Arc::new(AtomicUsize::new(0));
            let service = service_fn(move |request: Request<Incoming>| {
                let (active, peak) = (active.clone(), peak.clone());
                let gone = gone.clone();
                async move {
                    if request.uri().path() == "/stream" {
                        return Ok(Response::new(Either::Left(Endless { told: false, gone })));
                    }
                    peak.fetch_max(active.fetch_add(1, SeqCst) + 1, SeqCst);
                    sleep(ms(100)).await;
                    active.fetch_sub(1, SeqCst);
                    let said = format!(
                        "{:?} {:?} {}",
                        request.version(),
                        request.headers().get("host"),
                        request.uri()
                    );
                    Ok::<_, Infallible>(Response::new(Either::Right(Full::new(Bytes::from(said)))))
                }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

#[tokio::test]
async fn http2_is_used_where_it_is_offered_and_spread_over_connections() {
    let upstream = Secure::start(&["h2", "http/1.1"]).await;
    let transport = Transport::new(&upstream.config()).unwrap();
    let said = text(send(&transport, &upstream.url()).await).await.unwrap();
    assert_eq!(said, format!("HTTP/2.0 None https://localhost:{}/v1", upstream.port));
    let calls = (0..300).map(|_| {
        let (transport, url) = (transport.clone(), upstream.url());
        tokio::spawn(async move { text(send(&transport, &url).await).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    let (connections, peak) = (upstream.connections.load(SeqCst), upstream.peak.load(SeqCst));
    assert!((5..=8).contains(&connections), "{connections}");
    assert!((40..=64).contains(&peak), "{peak}");
    text(send(&transport, &upstream.url()).await).await.unwrap();
    assert_eq!(upstream.connections.load(SeqCst), connections);
}

#[tokio::test]
async fn dropping_ends_the_stream_and_leaves_the_connection_to_others() {
    for (protocols, connections) in [(&["h2"][..], 1), (&["http/1.1"][..], 2)] {
        let upstream = Secure::start(protocols).await;
        let transport = Transport::new(&upstream.config()).unwrap();
        let url = upstream.url().replace("/v1", "/stream");
        let mut body = send(&transport, &url).await.unwrap().into_body();
        assert_eq!(body.frame().await.unwrap().unwrap(), "data: 1\n\n");
        drop(body);
        sleep(ms(100)).await;
        assert_eq!(upstream.gone.load(SeqCst), 1, "{protocols:?}");
        text(send(&transport, &upstream.url()).await).await.unwrap();
        assert_eq!(upstream.connections.load(SeqCst), connections, "{protocols:?}");
    }
}

#[tokio::test]
async fn http1_is_used_where_http2_is_not_offered_or_not_wanted() {
    for (protocols, http2) in [(&["http/1.1"][..], true), (&["h2", "http/1.1"][..], false), (&[][..], true)] {
        let upstream = Secure::start(protocols).await;
        let transport = Transport::new(&TransportConfig { http2, ..upstream.config() }).unwrap();
        let calls = (0..5).map(|_| {
            let (transport, url) = (transport.clone(), upstream.url());
            tokio::spawn(async move { text(send(&transport, &url).await).await.unwrap() })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap(), format!("HTTP/1.1 Some(\"localhost:{}\") /v1", upstream.port));
        }
        assert_eq!(upstream.connections.load(SeqCst), 5);
        text(send(&transport, &upstream.url()).await).await.unwrap();
        assert_eq!(upstream.connections.load(SeqCst), 5);
    }
}

#[tokio::test]
async fn unknown_certificates_are_refused_unless_checking_is_off() {
    let upstream = Secure::start(&["h2"]).await;
    let other = Secure::start(&["h2"]).await;
    let strict = Transport::new(&other.config()).unwrap();
    let error = send(&strict, &upstream.url()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("certificate"), "{error}");
    let lax = Transport::new(&TransportConfig { ssl_verify: false, ..TransportConfig::default() }).unwrap();
    assert_eq!(send(&lax, &upstream.url()).await.unwrap().status(), 200);
    // The name must fit as well.
    let named = Transport::new(&upstream.config()).unwrap();
    let error =
        send(&named, &upstream.url().replace("localhost", "127.0.0.1")).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
}

#[test]
fn unusable_settings_are_refused_without_showing_them() {
    let missing =
        TransportConfig { ca_file: Some(PathBuf::from("/nowhere/ca.pem")), ..TransportConfig::default() };
    assert!(matches!(Transport::new(&missing), Err(TransportError::CaFile { .. })));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = TransportConfig { ca_file: Some(empty.path().to_owned()), ..TransportConfig::default() };
    assert!(matches!(Transport::new(&empty), Err(TransportError::CaFile { .. })));
    for address in
        ["socks5://me:canary@proxy:1080", "ht tp://me:canary@proxy", "https://me:canary@proxy:3128"]
    {
        let config =
            TransportConfig { https_proxy: Some(address.to_owned().into()), ..TransportConfig::default() };
        let error = Transport::new(&config).err().unwrap().to_string();
        assert!(error.contains("HTTPS_PROXY") && !error.contains("canary"), "{error}");
        assert!(!format!("{config:?}").contains("canary"));
    }
}

/// A proxy that leads every tunnel to `port`, and answers plain requests with what it was asked.
async fn proxy(port: u16, seen: Arc<Mutex<Vec<String>>>) -> Upstream {
    Upstream::start(move |mut socket| {
        let seen = seen.clone();
        async move {
            while let Some(request) = socket.request().await {
                seen.lock().unwrap().push(request.clone());
                if request.starts_with("CONNECT ") {
                    socket.send("HTTP/1.1 200 Connection established\r\n\r\n").await;
                    let mut upstream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let _ = copy_bidirectional(&mut socket.stream, &mut upstream).await;
                    return;
                }
                socket.answer("from the proxy").await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_http_to_the_proxy_itself() {
    let upstream = Secure::start(&["h2", "http/1.1"]).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let proxy = proxy(upstream.port, seen.clone()).await;
    let address = format!("http://me:word@{}", proxy.address);
    let config = TransportConfig {
        http_proxy: Some(address.clone().into()),
        https_proxy: Some(address.into()),
        no_proxy: Some("direct.example, 127.0.0.1".to_owned()),
        ..upstream.config()
    };
    let transport = Transport::new(&config).unwrap();
    let said = text(send(&transport, "https://upstream.example/v1").await).await.unwrap();
    assert_eq!(said, "HTTP/2.0 None https://upstream.example/v1");
    let said = text(send(&transport, "http://plain.example:8080/v1?a=b").await).await.unwrap();
    assert_eq!(said, "from the proxy");
    // Files go the same ways.
    let file = transport.fetch("https://upstream.example/a.csv", &Egress::default()).await.unwrap();
    assert_eq!(file.bytes, "HTTP/1.1 Some(\"upstream.example\") /a.csv");
    assert_eq!(
        transport.fetch("http://plain.example/a.csv", &Egress::default()).await.unwrap().bytes,
        "from the proxy"
    );
    {
        let seen = seen.lock().unwrap();
        assert!(seen[0].starts_with("CONNECT upstream.example:443 HTTP/1.1\r\n"), "{}", seen[0]);
        assert!(seen[1].starts_with("POST http://plain.example:8080/v1?a=b HTTP/1.1\r\n"), "{}", seen[1]);
        assert!(seen[3].starts_with("GET http://plain.example/a.csv HTTP/1.1\r\n"), "{}", seen[3]);
        for request in seen.iter() {
            assert!(
                request.to_ascii_lowercase().contains("proxy-authorization: basic bwu6d29yza==\r\n"),
                "{request}"
            );
        }
    }
    // Hosts without a proxy are reached directly.
    let direct = Upstream::start(|mut socket| async move {
        socket.request().await;
        socket.answer("direct").await;
    })
    .await;
    assert_eq!(text(send(&transport, &direct.url("/")).await).await.unwrap(), "direct");
    // Inside addresses are not asked for at the proxy.
    let error = transport.fetch("http://169.254.169.254/latest", &Egress::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ImageFetch);
    assert_eq!(seen.lock().unwrap().len(), 4);
}

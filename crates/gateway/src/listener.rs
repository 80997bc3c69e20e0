//! Accepts connections, serves them, and drains them.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::net::{TcpListener, TcpStream};

use crate::{app::Gateway, stack};

/// How a gateway stops.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long connections are still accepted after readiness says no, so that load balancers notice.
    pub delay: Duration,
    /// How long calls may take to end by themselves.
    pub limit: Duration,
}

/// What is buffered of a connection in each direction at most.
const MAX_BUFFER: usize = 32 * 1024;

impl Gateway {
    /// Serves until `stop` is done, then drains: readiness flips at once, connections are accepted for the drain
    /// delay, calls end by themselves up to the limit, and streams that do not are ended with an error.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
        drain: Drain,
    ) -> io::Result<()> {
        let graceful = GracefulShutdown::new();
        let mut server = Builder::new(TokioExecutor::new());
        // Not `pipeline_flush`: it lifts the bound on what is buffered for a client that reads slowly.
        server.http1().timer(TokioTimer::new()).max_buf_size(MAX_BUFFER).keep_alive(true);
        server.http2().timer(TokioTimer::new());
        self.accept_until(&listener, &server, &graceful, stop).await;
        self.drain();
        tracing::info!(in_flight = self.in_flight().load(Ordering::Relaxed), "draining");
        self.accept_until(&listener, &server, &graceful, tokio::time::sleep(drain.delay)).await;
        drop(listener);
        let began = Instant::now();
        let ended = graceful.shutdown();
        tokio::pin!(ended);
        if tokio::time::timeout(drain.limit, &mut ended).await.is_err() {
            tracing::warn!(
                limit_s = drain.limit.as_secs(),
                "drain limit passed; ending the remaining streams"
            );
            self.cut_streams();
            let _ = tokio::time::timeout(Duration::from_secs(2), &mut ended).await;
        }
        self.jobs().ended(drain.limit.saturating_sub(began.elapsed())).await;
        self.followers().close(Duration::from_secs(2)).await;
        if let Err(error) = self.store().flush().await {
            tracing::error!(error = error.message(), "kept responses may be lost");
        }
        Ok(())
    }

    async fn accept_until(
        &self,
        listener: &TcpListener,
        server: &Builder<TokioExecutor>,
        graceful: &GracefulShutdown,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                accepted = listener.accept() => match accepted {
                    Ok((socket, peer)) => self.connection(socket, peer, server, graceful),
                    Err(error) => {
                        // Out of descriptors: wait for some to be closed rather than spin.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                },
            }
        }
    }

    fn connection(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        server: &Builder<TokioExecutor>,
        graceful: &GracefulShutdown,
    ) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let gateway = self.clone();
        let service = service_fn(move |request| {
            let gateway = gateway.clone();
            async move {
                let _count = InFlight::new(&gateway);
                Ok::<_, std::convert::Infallible>(stack::handle(gateway.clone(), request).await)
            }
        });
        let connection = server.serve_connection_with_upgrades(TokioIo::new(socket), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
    }
}

/// Counts a request until its response's head is ready.
struct InFlight {
    gateway: Gateway,
    _gauge: lockgate_telemetry::InFlight,
}

impl InFlight {
    fn new(gateway: &Gateway) -> Self {
        gateway.in_flight().fetch_add(1, Ordering::Relaxed);
        Self { gateway: gateway.clone(), _gauge: gateway.metrics().in_flight() }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gateway.in_flight().fetch_sub(1, Ordering::Relaxed);
    }
}

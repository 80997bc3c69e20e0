//! Connections that are kept between requests.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use tokio::{
    sync::Notify,
    time::{self, Instant},
};

use crate::{
    TransportConfig,
    connect::{self, BoxError, Connector},
    exclusive::Exclusive,
    failure::ConnectTimeout,
    payload::PayloadBody,
    shared::{MAX_STREAMS, Place, Shared},
};

/// A connection this old takes no new requests, so that changes of DNS and certificates are seen.
const MAX_AGE: Duration = Duration::from_secs(300);
/// How often unused connections are looked through.
const SWEEP: Duration = Duration::from_secs(5);

/// All hosts that were called lately.
pub(crate) struct Pool {
    pub(crate) connector: Connector,
    keep: Keep,
    plain: Hosts,
    secure: Hosts,
    sweeping: AtomicBool,
}

type Hosts = RwLock<HashMap<Box<str>, Arc<Host>>>;

/// What is kept, and for how long.
#[derive(Clone, Copy)]
struct Keep {
    idle: Duration,
    max_idle: usize,
    http2: bool,
}

/// One upstream host with its connections.
pub(crate) struct Host {
    pub(crate) authority: Authority,
    scheme: Scheme,
    header: HeaderValue,
    /// Plain requests through a proxy name the whole address and carry the proxy's credential.
    proxied: Option<Option<HeaderValue>>,
    connector: Connector,
    keep: Keep,
    state: Mutex<State>,
    /// A connection was opened, or could not be.
    changed: Notify,
}

struct State {
    protocol: Protocol,
    idle: VecDeque<Box<Exclusive>>,
    shared: Vec<Shared>,
    dialling: usize,
    waiting: usize,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Protocol {
    /// The first TLS handshake will tell.
    Unknown,
    Exclusive,
    Shared,
}

/// A connection for one request.
pub(crate) enum Lease {
    /// HTTP/1.1, and how long it had been idle if it is not new.
    Exclusive(Box<Exclusive>, Option<Duration>),
    /// HTTP/2.
    Shared(Place),
}

enum Turn {
    Dial,
    Wait,
}

impl Pool {
    pub(crate) fn new(connector: Connector, config: &TransportConfig) -> Arc<Self> {
        let keep = Keep { idle: config.pool_idle, max_idle: config.max_idle_per_host, http2: config.http2 };
        Arc::new(Self {
            connector,
            keep,
            plain: Hosts::default(),
            secure: Hosts::default(),
            sweeping: AtomicBool::new(false),
        })
    }

    /// The host of an absolute URL.
    pub(crate) fn host(self: &Arc<Self>, uri: &Uri) -> Option<Arc<Host>> {
        let authority = uri.authority()?;
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let hosts = if secure { &self.secure } else { &self.plain };
        if let Some(host) = read(hosts).get(authority.as_str()) {
            return Some(host.clone());
        }
        let host = Arc::new(Host::new(self, authority, secure)?);
        self.start_sweeping();
        let mut hosts = hosts.write().unwrap_or_else(PoisonError::into_inner);
        Some(hosts.entry(authority.as_str().into()).or_insert(host).clone())
    }

    fn start_sweeping(self: &Arc<Self>) {
        if !self.sweeping.swap(true, Relaxed) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }
}

fn read(hosts: &Hosts) -> std::sync::RwLockReadGuard<'_, HashMap<Box<str>, Arc<Host>>> {
    hosts.read().unwrap_or_else(PoisonError::into_inner)
}

/// Closes what is unused, for as long as the pool lives.
async fn sweep(pool: Weak<Pool>) {
    loop {
        time::sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        for hosts in [&pool.plain, &pool.secure] {
            let all: Vec<Arc<Host>> = read(hosts).values().cloned().collect();
            for host in all {
                host.sweep();
            }
            let mut hosts = hosts.write().unwrap_or_else(PoisonError::into_inner);
            hosts.retain(|_, host| Arc::strong_count(host) > 1 || !host.is_empty());
        }
    }
}

impl Host {
    fn new(pool: &Pool, authority: &Authority, secure: bool) -> Option<Self> {
        let clean = match authority.as_str().rsplit_once('@') {
            Some((_, clean)) => clean.parse().ok()?,
            None => authority.clone(),
        };
        let scheme = if secure { Scheme::HTTPS } else { Scheme::HTTP };
        let default_port = if secure { 443 } else { 80 };
        let name = if clean.port_u16() == Some(default_port) { clean.host() } else { clean.as_str() };
        let header = HeaderValue::from_maybe_shared(Bytes::copy_from_slice(name.as_bytes())).ok()?;
        let mut host = Self {
            authority: clean,
            scheme,
            header,
            proxied: None,
            connector: pool.connector.clone(),
            keep: pool.keep,
            state: Mutex::new(State {
                protocol: if secure && pool.keep.http2 { Protocol::Unknown } else { Protocol::Exclusive },
                idle: VecDeque::new(),
                shared: Vec::new(),
                dialling: 0,
                waiting: 0,
            }),
            changed: Notify::new(),
        };
        if !secure {
            host.proxied =
                pool.connector.proxy(&host.address()?).map(|proxy| connect::proxy_credential(&proxy));
        }
        Some(host)
    }

    /// A kept connection, or a new one within the limit.
    pub(crate) async fn lease(&self, limit: Duration) -> Result<Lease, BoxError> {
        if let Some(lease) = self.kept() {
            return Ok(lease);
        }
        // Boxed, because dialling is rare and its state is large: every call's future would carry it.
        time::timeout(limit, Box::pin(self.acquire(limit)))
            .await
            .unwrap_or_else(|_| Err(ConnectTimeout(limit).into()))
    }

    /// Takes a connection back whose answer was read to its end.
    pub(crate) fn give_back(&self, mut connection: Box<Exclusive>) {
        if !connection.is_idle() {
            return;
        }
        let now = Instant::now();
        if now.duration_since(connection.born) > MAX_AGE {
            return;
        }
        connection.since = now;
        let mut state = self.state();
        if state.idle.len() < self.keep.max_idle {
            state.idle.push_back(connection);
        }
    }

    /// Writes the request's target and host as an HTTP/1.1 connection to this host wants them.
    pub(crate) fn address_exclusive(&self, request: &mut Request<PayloadBody>) {
        let path = path(request.uri());
        if let Some(credential) = &self.proxied {
            self.set_whole_uri(request, path);
            if let Some(credential) = credential {
                request.headers_mut().insert(header::PROXY_AUTHORIZATION, credential.clone());
            }
        } else {
            *request.uri_mut() = Uri::from(path);
        }
        request.headers_mut().entry(header::HOST).or_insert_with(|| self.header.clone());
    }

    /// As [`Host::address_exclusive`], for HTTP/2, where the target names the host.
    pub(crate) fn address_shared(&self, request: &mut Request<PayloadBody>) {
        let path = path(request.uri());
        self.set_whole_uri(request, path);
        request.headers_mut().remove(header::HOST);
    }

    fn set_whole_uri(&self, request: &mut Request<PayloadBody>, path: PathAndQuery) {
        let whole =
            Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(path);
        if let Ok(whole) = whole.build() {
            *request.uri_mut() = whole;
        }
    }

    fn address(&self) -> Option<Uri> {
        let address =
            Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query("/");
        address.build().ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last: the others may fall out of use.
    fn kept(&self) -> Option<Lease> {
        loop {
            let mut connection = {
                let mut state = self.state();
                if state.protocol == Protocol::Shared {
                    state.shared.retain(Shared::is_open);
                    return state
                        .shared
                        .iter()
                        .find_map(|shared| shared.place(MAX_AGE, true))
                        .map(Lease::Shared);
                }
                state.idle.pop_back()?
            };
            let idle = connection.since.elapsed();
            if idle < self.keep.idle && connection.is_idle() {
                return Some(Lease::Exclusive(connection, Some(idle)));
            }
        }
    }

    async fn acquire(&self, limit: Duration) -> Result<Lease, BoxError> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(lease) = self.kept() {
                return Ok(lease);
            }
            let turn = Turns::take(self);
            match turn.turn {
                Turn::Dial => return self.dial(limit).await,
                Turn::Wait => changed.await,
            }
        }
    }

    async fn dial(&self, limit: Duration) -> Result<Lease, BoxError> {
        let address = self.address().ok_or("the address is not valid")?;
        let stream = self.connector.open(address, limit).await?;
        if !stream.is_http2() {
            self.state().protocol = Protocol::Exclusive;
            return Ok(Lease::Exclusive(Box::new(Exclusive::open(stream).await?), None));
        }
        let shared = Shared::open(stream).await?;
        let place = shared.place(MAX_AGE, false).ok_or("the upstream takes no requests")?;
        let mut state = self.state();
        state.protocol = Protocol::Shared;
        state.shared.push(shared);
        Ok(Lease::Shared(place))
    }

    fn sweep(&self) {
        let now = Instant::now();
        let mut closed = Vec::new();
        let mut state = self.state();
        let idle = std::mem::take(&mut state.idle);
        for mut connection in idle {
            let fresh = now.duration_since(connection.since) < self.keep.idle
                && now.duration_since(connection.born) < MAX_AGE;
            if fresh && connection.is_idle() {
                state.idle.push_back(connection);
            } else {
                closed.push(connection);
            }
        }
        state.idle.shrink_to(16);
        state.shared.retain_mut(|shared| shared.is_open() && !shared.is_stale(now, self.keep.idle));
        drop(state);
    }

    fn is_empty(&self) -> bool {
        let state = self.state();
        state.idle.is_empty() && state.shared.is_empty()
    }
}

/// One request's turn to open a connection, or to wait for one that is being opened; given up by dropping it.
struct Turns<'a> {
    host: &'a Host,
    turn: Turn,
}

impl<'a> Turns<'a> {
    /// HTTP/1.1: each request opens its own. HTTP/2: one for every so many that wait. Not known yet: one finds out.
    fn take(host: &'a Host) -> Self {
        let mut state = host.state();
        let dial = match state.protocol {
            Protocol::Exclusive => true,
            Protocol::Unknown => state.dialling == 0,
            Protocol::Shared => state.waiting + state.dialling >= state.dialling * MAX_STREAMS,
        };
        let turn = if dial {
            state.dialling += 1;
            Turn::Dial
        } else {
            state.waiting += 1;
            Turn::Wait
        };
        Self { host, turn }
    }
}

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        let mut state = self.host.state();
        match self.turn {
            Turn::Dial => {
                state.dialling -= 1;
                drop(state);
                self.host.changed.notify_waiters();
            }
            Turn::Wait => state.waiting -= 1,
        }
    }
}

fn path(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

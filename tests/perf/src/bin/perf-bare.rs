//! A proxy that only streams: the base of all ratios.
//!
//! It reads nothing of a request but the hop-by-hop headers, passes method, path, headers and body to one
//! upstream over a pooled client and streams the answer back: the least an honest HTTP proxy on the same
//! libraries can do.
//!
//! `perf-bare --port PORT --upstream HOST:PORT`

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderMap};
use hyper::http::uri::{Authority, Parts, PathAndQuery, Scheme};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lockgate_perf::Flags;

type Answer = Either<Incoming, Full<Bytes>>;

fn main() -> Result<()> {
    let flags = Flags::from_env(&["port", "upstream"])?;
    let port = flags.need("port")?;
    let upstream: Authority = flags.need("upstream")?;
    lockgate_perf::runtime()?.block_on(async {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        lockgate_perf::serve(port, move |request| forward(client.clone(), upstream.clone(), request)).await
    })
}

async fn forward(
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
    mut request: Request<Incoming>,
) -> Response<Answer> {
    let path = request.uri().path_and_query().cloned();
    let Ok(uri) = target(upstream, path) else { return bad_gateway() };
    *request.uri_mut() = uri;
    // The client writes the upstream's own host.
    request.headers_mut().remove(HOST);
    remove_hop_by_hop(request.headers_mut());
    let Ok(mut answer) = client.request(request).await else { return bad_gateway() };
    remove_hop_by_hop(answer.headers_mut());
    answer.map(Either::Left)
}

fn target(upstream: Authority, path: Option<PathAndQuery>) -> Result<Uri, hyper::http::uri::InvalidUriParts> {
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream);
    parts.path_and_query = path.or_else(|| Some(PathAndQuery::from_static("/")));
    Uri::from_parts(parts)
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove("keep-alive");
}

fn bad_gateway() -> Response<Answer> {
    let mut answer = Response::new(Either::Right(Full::default()));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}

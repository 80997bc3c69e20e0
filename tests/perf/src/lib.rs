//! What the measuring programs share: command-line flags and the accept loop.

use std::convert::Infallible;
use std::future::Future;
use std::net::Ipv4Addr;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// `--name value` pairs and `--switch`es of a command line, in order.
#[derive(Debug, Default)]
pub struct Flags(Vec<(String, Option<String>)>);

impl Flags {
    /// Reads the process's own arguments; only names in `known` are accepted. A name that ends in `!` in
    /// `known` is a switch and takes no value.
    pub fn from_env(known: &[&str]) -> Result<Self> {
        Self::parse(std::env::args().skip(1), known)
    }

    /// Like [`Flags::from_env`], for any list of arguments.
    pub fn parse(args: impl IntoIterator<Item = String>, known: &[&str]) -> Result<Self> {
        let mut args = args.into_iter();
        let mut flags = Vec::new();
        while let Some(arg) = args.next() {
            let name = arg.strip_prefix("--").ok_or_else(|| anyhow!("unexpected argument `{arg}`"))?;
            if known.contains(&name) {
                flags.push((
                    name.to_owned(),
                    Some(args.next().with_context(|| format!("--{name} needs a value"))?),
                ));
            } else if known.iter().any(|k| k.strip_suffix('!') == Some(name)) {
                flags.push((name.to_owned(), None));
            } else {
                let names: Vec<_> = known.iter().map(|k| format!("--{}", k.trim_end_matches('!'))).collect();
                bail!("unknown flag `{arg}`; known are {}", names.join(" "));
            }
        }
        Ok(Self(flags))
    }

    /// Whether the switch was given.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// The last value of a flag, as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    /// All values of a flag that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n == name).filter_map(|(_, v)| v.as_deref())
    }

    /// The last value of a flag, parsed.
    pub fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let parse = |v: &str| v.parse().map_err(|_| anyhow!("--{name}: cannot read `{v}`"));
        self.text(name).map(parse).transpose()
    }

    /// The last value of a flag that must be there, parsed.
    pub fn need<T: FromStr>(&self, name: &str) -> Result<T> {
        self.value(name)?.with_context(|| format!("--{name} is missing"))
    }
}

/// A runtime for the cores this process may use: no worker threads when there is just one.
pub fn runtime() -> Result<Runtime> {
    let one = std::thread::available_parallelism().is_ok_and(|n| n.get() == 1);
    let mut builder = if one { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    Ok(builder.enable_all().build()?)
}

/// Serves HTTP/1.1 on a loopback port until the process ends, one task per connection.
pub async fn serve<F, Fut, B>(port: u16, handle: F) -> Result<()>
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("cannot listen")?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let handle = handle.clone();
        let service = service_fn(move |request| {
            let answer = handle(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        // A connection that breaks is the peer's business: the load generator counts it as an error.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags> {
        Flags::parse(line.split_whitespace().map(str::to_owned), &["port", "header", "quick!"])
    }

    #[test]
    fn reads_values_switches_and_repeats() {
        let flags = parse("--port 80 --quick --header a:1 --header b:2").unwrap();
        assert_eq!(flags.need::<u16>("port").unwrap(), 80);
        assert!(flags.has("quick"));
        assert_eq!(flags.all("header").collect::<Vec<_>>(), ["a:1", "b:2"]);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse("--prot 80").unwrap_err().to_string().contains("unknown flag"));
        assert!(parse("--port").is_err());
        assert!(parse("--port x").unwrap().need::<u16>("port").is_err());
    }
}

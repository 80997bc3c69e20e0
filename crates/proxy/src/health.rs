//! `lockgate health`: one small request, no runtime.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{args::HealthArgs, list::say};

const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) fn run(args: &HealthArgs) -> Result<ExitCode> {
    // A gateway that listens on every address is asked on the loopback.
    let host = if args.host.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { args.host };
    let address = SocketAddr::new(host, args.port);
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("no gateway answers at {address}"))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    write!(socket, "GET /health/readiness HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket
        .read_to_string(&mut answer)
        .with_context(|| format!("the gateway at {address} does not answer"))?;
    let status = answer.split(' ').nth(1).unwrap_or("nothing");
    say(answer.rsplit("\r\n\r\n").next().unwrap_or_default());
    Ok(if status == "200" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! Child processes pinned to a core, and what /proc says about them.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A clock tick of /proc/PID/stat: `USER_HZ` is 100 on every Linux this runs on.
const TICK_NS: u64 = 10_000_000;

/// A running child; it is killed, by its own id, when this is dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// CPU time a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTime {
    /// Exact, but without threads that have ended.
    threads_ns: u64,
    /// All of it, in ticks.
    ticks_ns: u64,
}

/// Memory of a process, in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) peak: f64,
}

impl Process {
    /// Starts a command made by [`pinned`]; its output goes to `NAME.log` in `dir`.
    pub(crate) fn spawn(name: &'static str, mut command: Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log })
    }

    /// Waits until `GET path` answers 200, and says how long that took.
    pub(crate) fn wait_ready(&mut self, port: u16, path: &str) -> Result<Duration> {
        let started = Instant::now();
        loop {
            if exchange(port, "GET", path, &[], "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(started.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}: {}", self.name, self.log_end());
            }
            if started.elapsed() > Duration::from_secs(20) {
                bail!("{} does not answer 200 at {path}: {}", self.name, self.log_end());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn cpu(&self) -> Result<CpuTime> {
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        let mut threads_ns = 0;
        for task in fs::read_dir(proc.join("task"))? {
            // A thread may end between listing and reading.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            threads_ns += text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
        }
        let stat = fs::read_to_string(proc.join("stat"))?;
        // utime and stime are the 12th and 13th fields after the command's name, which may hold spaces.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        Ok(CpuTime { threads_ns, ticks_ns: ticks * TICK_NS })
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mib = |field: &str| -> Option<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
        };
        let get = |field| mib(field).with_context(|| format!("no {field} of {}", self.name));
        Ok(Memory { resident: get("VmRSS:")?, peak: get("VmHWM:")? })
    }

    fn log_end(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is fine too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl CpuTime {
    /// CPU time used since `earlier`, in nanoseconds.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        let threads = self.threads_ns.saturating_sub(earlier.threads_ns);
        let ticks = self.ticks_ns.saturating_sub(earlier.ticks_ns);
        // More ticks than rounding explains: a thread ended and took its time with it.
        if ticks > threads + 3 * TICK_NS { ticks } else { threads }
    }
}

/// A command that runs on one core only and ends with this program, whatever ends it. `setpriv` and `taskset`
/// replace themselves, so the child's id is the program's own.
pub(crate) fn pinned(core: usize, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "-c"]).arg(core.to_string()).arg(program);
    command
}

/// A port nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// One HTTP exchange on a connection of its own; the answer as text, head and all.
pub(crate) fn exchange(
    port: u16,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> Result<String> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_time_wins_unless_a_thread_ended() {
        let at = |threads_ns, ticks_ns| CpuTime { threads_ns, ticks_ns };
        assert_eq!(at(5_000_000, TICK_NS).since(at(1_000_000, 0)), 4_000_000);
        assert_eq!(at(5_000_000, 50 * TICK_NS).since(at(1_000_000, 0)), 50 * TICK_NS);
    }

    #[test]
    fn a_child_has_cpu_and_memory_and_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let mut sleep = Command::new("sleep");
        sleep.arg("60");
        let process = Process::spawn("sleep", sleep, dir.path()).unwrap();
        let id = process.child.id();
        assert!(process.cpu().unwrap().threads_ns < 1_000_000_000);
        assert!(process.memory().unwrap().resident > 0.0);
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}

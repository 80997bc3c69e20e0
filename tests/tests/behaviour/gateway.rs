//! A running gateway.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::client;

/// The master key of every test.
pub(crate) const KEY: &str = "sk-behaviour-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// A process of the binary. It is stopped when this is dropped.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) url: String,
    folder: tempfile::TempDir,
}

/// The binary beside this test, or the one that `LOCKGATE_BIN` names.
pub(crate) fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("LOCKGATE_BIN") {
        return named.into();
    }
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let binary = folder.join("lockgate");
    assert!(binary.exists(), "{} is missing: run `cargo build -p lockgate-proxy` first", binary.display());
    binary
}

/// A command of the binary that sees nothing of this process's environment.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// A model list entry: name, provider and model, base URL, and more `litellm_params` as YAML flow members.
pub(crate) fn model(name: &str, model: &str, base: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    format!(
        "  - model_name: {name}\n    litellm_params: {{model: {model}, api_key: sk-up-{name}-0123456789, api_base: \"{base}\"{more}}}\n"
    )
}

/// A configuration of these models without retries and cooldowns, and these further sections.
pub(crate) fn config(models: &str, more: &str) -> String {
    format!(
        "model_list:\n{models}router_settings: {{num_retries: 0, disable_cooldowns: true}}\n\
         general_settings: {{master_key: {KEY}}}\n{more}"
    )
}

impl Gateway {
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_with(config, &[]).await
    }

    pub(crate) async fn start_with(config: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.yaml"), config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command(folder.path())
            .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()])
            .arg("--config")
            .arg(folder.path().join("config.yaml"))
            .arg("--data")
            .arg(folder.path())
            .args(flags)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut gateway = Self { child, url: format!("http://127.0.0.1:{port}"), folder };
        gateway.ready().await;
        gateway
    }

    async fn ready(&mut self) {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Ok(reply) = client::try_get(&format!("{}/health/readiness", self.url)).await
                && reply.status == 200
            {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the gateway ended:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the gateway is not ready:\n{}", self.log());
    }

    /// What it has printed and logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The record of the call with this field, once it is in the (JSON) log.
    pub(crate) async fn call_with(
        &self,
        field: &str,
        value: impl Into<serde_json::Value>,
    ) -> serde_json::Value {
        let value = value.into();
        let start = Instant::now();
        loop {
            let log = self.log();
            let records = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let mut calls = records.filter(|record| record["target"] == "lockgate::call");
            if let Some(record) = calls.rfind(|record| record[field] == value) {
                return record;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "no record with {field} {value}:\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.path().join("config.yaml")
    }

    /// Sends a signal by its name: `TERM`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < patience {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! One process: how it is started, and waited for.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::order::{Order, Wish};
use super::settings::ProcessSettings;
use super::watchdog::Watchdog;
use crate::program::log::{Lines, LogLine};

/// How long the last lines of an ended process are waited for.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(5);

/// A process that runs.
pub(super) struct Running {
    child: Child,
    watchdog: Watchdog,
    lines: JoinSet<()>,
}

/// Starts a process in a group that ends with the local cloud; answers the port on which it listens, too. A listening socket is its standard
/// input, as `inetd` and systemd hand one over.
pub(super) fn start(
    settings: &ProcessSettings,
    order: Order,
    variables: Vec<(String, String)>,
) -> io::Result<(Option<u16>, Running)> {
    let listener = order.listens.then(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).transpose()?;
    let port = listener.as_ref().map(TcpListener::local_addr).transpose()?.map(|address| address.port());
    let watchdog = Watchdog::start()?;
    let mut child = Command::new(settings.bin_dir.join(&order.binary))
        .args(&order.arguments)
        .env_clear()
        .envs(variables)
        .stdin(listener.map_or_else(Stdio::null, |listener| Stdio::from(OwnedFd::from(listener))))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(watchdog.group())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = JoinSet::new();
    let (name, task) = (order.name, order.key.task);
    let log = move |line: String| LogLine { function: name.clone(), instance: task.clone(), line };
    if let Some(stdout) = child.stdout.take() {
        lines.spawn(copy(stdout, Arc::clone(&settings.lines), log.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        lines.spawn(copy(stderr, Arc::clone(&settings.lines), log));
    }
    Ok((port, Running { child, watchdog, lines }))
}

impl Running {
    /// Waits for its end, and does to it what is wished. It is killed when nobody wishes anything any more. Signals are sent
    /// here alone, where it is known that the process has not been waited for: its id is still its own.
    pub(super) async fn wait(mut self, mut wishes: watch::Receiver<Wish>) -> i32 {
        let Some(id) = self.child.id() else { return 0 };
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let group = Pid::from_raw(self.watchdog.group());
        let (mut kill_at, mut is_wanted) = (None, true);
        let status = loop {
            let deadline = kill_at.unwrap_or_else(Instant::now);
            tokio::select! {
                status = self.child.wait() => break status,
                changed = wishes.changed(), if is_wanted => match changed {
                    Ok(()) => {
                        if let Wish::End(within) = *wishes.borrow_and_update() {
                            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
                            kill_at = Some(Instant::now() + within);
                        }
                    }
                    Err(_) => {
                        is_wanted = false;
                        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
                    }
                },
                () = time::sleep_until(deadline), if kill_at.is_some() => {
                    kill_at = None;
                    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
                }
            }
        };
        // What it has started goes with it, as everything in a container does.
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        self.watchdog.dismiss().await;
        let _ = time::timeout(LAST_LINES_TIMEOUT, self.lines.join_all()).await;
        status.map_or(1, exit_code)
    }
}

/// As a container runtime has it.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

async fn copy(output: impl AsyncRead + Unpin, lines: Arc<Lines>, log: impl Fn(String) -> LogLine) {
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    // Bytes, not text: a process may write what is not UTF-8.
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        lines.push(log(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()));
        line.clear();
    }
}

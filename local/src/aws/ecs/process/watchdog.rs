//! What kills a process if the local cloud is killed and cannot: a shell that waits for the end of a pipe, which the
//! system closes with its writer, however that ends. Linux could do it by itself (`PR_SET_PDEATHSIG`), but the call has to be
//! made between `fork` and `exec`, which no safe code can; and macOS has no such thing.
//!
//! The shell is there first, and the process is begun in its group. So there is no moment at which the one runs and the other
//! does not know of it, and no other group can have the id until the shell was waited for.

use std::io::ErrorKind;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

/// Reads either a line, or the end of the pipe: then it kills its group, itself among it.
const SCRIPT: &str = "read -r line || kill -s KILL 0";

/// Watches over one process group, its own.
pub(super) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
    group: i32,
}

impl Watchdog {
    /// Starts one, in a new group.
    ///
    /// # Errors
    /// There is no shell.
    pub(super) fn start() -> std::io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What is pressed in a terminal is not for it.
            .process_group(0)
            .spawn()?;
        let pipe = shell.stdin.take();
        let group = shell.id().and_then(|id| i32::try_from(id).ok()).ok_or(ErrorKind::NotFound)?;
        Ok(Self { shell, pipe, group })
    }

    /// The group, whose processes end with the local cloud.
    pub(super) fn group(&self) -> i32 {
        self.group
    }

    /// There is nothing to watch over any more.
    pub(super) async fn dismiss(mut self) {
        if let Some(pipe) = &mut self.pipe {
            // A pipe takes a line at once. The shell may have been killed with its group.
            let _ = pipe.write_all(b"gone\n").await;
        }
        let _ = self.shell.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    use tokio::time;

    use super::*;

    fn sleeper(watchdog: &Watchdog) -> Child {
        let mut sleeper = Command::new("sleep");
        sleeper.arg("1000").process_group(watchdog.group()).kill_on_drop(true).spawn().unwrap()
    }

    #[tokio::test]
    async fn a_process_is_killed_when_whoever_has_just_begun_it_is_gone() {
        let mut watchdog = Watchdog::start().unwrap();
        let mut sleeper = sleeper(&watchdog);
        // What the system does with the files of a process that is killed.
        drop(watchdog.pipe.take());
        let end = time::timeout(Duration::from_secs(60), sleeper.wait()).await.expect("it is killed");
        assert_eq!(end.unwrap().signal(), Some(9));
    }

    #[tokio::test]
    async fn a_watchdog_that_is_dismissed_kills_nothing() {
        let watchdog = Watchdog::start().unwrap();
        let mut sleeper = sleeper(&watchdog);
        watchdog.dismiss().await;
        assert!(sleeper.try_wait().unwrap().is_none());
    }
}

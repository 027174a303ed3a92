//! What kills a process if the local cloud is killed and cannot: a shell that waits for the end of a pipe, which the
//! system closes with its writer, however that ends. Linux could do it by itself (`PR_SET_PDEATHSIG`), but the call has to be
//! made between `fork` and `exec`, which no safe code can; and macOS has no such thing.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

/// Reads the id of a process group, and then either another line, or the end of the pipe.
const SCRIPT: &str = r#"read -r group || exit 0; read -r line || kill -s KILL -- "-$group""#;

/// Watches over one process group.
pub(super) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts one that watches over nothing yet.
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
        Ok(Self { shell, pipe })
    }

    /// From now on, it watches over this group.
    pub(super) async fn watch(&mut self, group: u32) {
        self.write(&format!("{group}\n")).await;
    }

    /// The group is gone; another one may have its id.
    pub(super) async fn dismiss(mut self) {
        self.write("gone\n").await;
        let _ = self.shell.wait().await;
    }

    /// A pipe takes a line at once.
    async fn write(&mut self, line: &str) {
        if let Some(pipe) = &mut self.pipe {
            let _ = pipe.write_all(line.as_bytes()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    use tokio::time;

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("1000").process_group(0).kill_on_drop(true).spawn().unwrap()
    }

    #[tokio::test]
    async fn a_group_is_killed_when_whoever_holds_the_pipe_is_gone() {
        let (mut sleeper, mut watchdog) = (sleeper(), Watchdog::start().unwrap());
        watchdog.watch(sleeper.id().unwrap()).await;
        // What the system does with the files of a process that is killed.
        drop(watchdog.pipe.take());
        let end = time::timeout(Duration::from_secs(60), sleeper.wait()).await.expect("it is killed");
        assert_eq!(end.unwrap().signal(), Some(9));
    }

    #[tokio::test]
    async fn a_group_that_is_gone_is_let_be() {
        let (mut sleeper, mut watchdog) = (sleeper(), Watchdog::start().unwrap());
        watchdog.watch(sleeper.id().unwrap()).await;
        watchdog.dismiss().await;
        assert!(sleeper.try_wait().unwrap().is_none());
    }
}

//! A function's process, with what Lambda gives it.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::aws::{Endpoint, PARTICIPANTS, STAGES};
use crate::plan::{Ahead, Function};
use crate::runtime_api::{RuntimeApi, Step};

/// How long a process may take for a step; under valgrind everything takes fifty times as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is there for all of them.
pub(crate) struct Surroundings {
    pub(crate) endpoint: Endpoint,
    /// The system's certificates, and the endpoint's authority.
    pub(crate) bundle: PathBuf,
    /// The endpoint's authority.
    pub(crate) authority: PathBuf,
    /// Where logs go.
    pub(crate) directory: PathBuf,
}

/// A function under way.
pub(crate) struct Process {
    child: Child,
    api: RuntimeApi,
    event: Bytes,
    status: u16,
    ahead: Option<Ahead>,
    /// Calls of AWS and connections to it, before.
    before: (u64, [u64; 2]),
    /// Just before it was made.
    pub(crate) started: Instant,
}

impl Process {
    /// Starts a function, by a program such as valgrind if one is named.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) async fn start(function: &Function, around: &Surroundings, by: &[String]) -> anyhow::Result<Self> {
        let api = RuntimeApi::open().await?;
        let event =
            std::fs::read(&function.event).with_context(|| format!("cannot read {}", function.event.display()))?;
        let words: Vec<&String> = by.iter().chain(&function.command).collect();
        let [program, arguments @ ..] = words.as_slice() else { bail!("no command") };
        let log = around.directory.join(format!("{}.log", function.name.replace(' ', "-")));
        let log = OpenOptions::new().create(true).append(true).open(log).context("cannot open a log")?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(variables(around, &api)).envs(&function.environment);
        if function.root.is_none() {
            command.env("SSL_CERT_FILE", &around.bundle);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let before = (around.endpoint.calls(), around.endpoint.connections());
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let (status, ahead) = (function.status, function.ahead);
        Ok(Self { child, api, event: event.into(), status, ahead, before, started })
    }

    /// Waits until it asks for its first event.
    ///
    /// # Errors
    /// When it does something else, or has not done what it is to do ahead: it gives up after a time, which another process
    /// may not need.
    pub(crate) async fn ready(&mut self, around: &Surroundings) -> anyhow::Result<(Instant, oneshot::Sender<Bytes>)> {
        let polled = self.polled().await?;
        let calls = around.endpoint.calls() - self.before.0;
        if let Some(ahead) = self.ahead {
            anyhow::ensure!(calls == ahead.calls, "it has made {calls} calls ahead, not {}", ahead.calls);
        }
        Ok(polled)
    }

    /// Whether it has connected as often as it is to, now that it has answered.
    ///
    /// # Errors
    /// When it has not.
    pub(crate) fn check_connections(&self, around: &Surroundings) -> anyhow::Result<()> {
        let now = around.endpoint.connections();
        let made = [now[0] - self.before.1[0], now[1] - self.before.1[1]];
        match self.ahead {
            Some(ahead) if ahead.connections != made => {
                bail!("it has made {made:?} connections, not {:?}", ahead.connections)
            }
            _ => Ok(()),
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it asks for an event.
    ///
    /// # Errors
    /// When it does something else, or nothing.
    pub(crate) async fn polled(&mut self) -> anyhow::Result<(Instant, oneshot::Sender<Bytes>)> {
        match self.step().await? {
            Step::Polled(at, reply) => Ok((at, reply)),
            Step::Answered(..) => bail!("it has answered before it was asked"),
            Step::Failed(what) => bail!("it has failed: {what}"),
        }
    }

    /// Gives it an event, and waits for the answer: when it was asked, and when the answer was there.
    ///
    /// # Errors
    /// When it does not answer as it is to.
    pub(crate) async fn answered(&mut self, reply: oneshot::Sender<Bytes>) -> anyhow::Result<(Instant, Instant)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            status_code: u16,
        }
        let asked = Instant::now();
        let _ = reply.send(self.event.clone());
        match self.step().await? {
            Step::Answered(at, body) => {
                let status = serde_json::from_slice::<Answer>(&body).map(|answer| answer.status_code);
                // Without the answer: it may hold a token.
                let is_expected = status.as_ref().is_ok_and(|status| *status == self.status);
                anyhow::ensure!(is_expected, "it has answered with {status:?}, not {}", self.status);
                Ok((asked, at))
            }
            Step::Polled(..) => bail!("it has asked for another event before it has answered"),
            Step::Failed(what) => bail!("it has failed: {what}"),
        }
    }

    /// Answers so many events, and is idle again: the sum of what they took.
    ///
    /// # Errors
    /// As for each of them.
    pub(crate) async fn answers(
        &mut self,
        count: usize,
        mut reply: oneshot::Sender<Bytes>,
    ) -> anyhow::Result<(Duration, oneshot::Sender<Bytes>)> {
        let mut took = Duration::ZERO;
        for _ in 0..count {
            let (asked, at) = self.answered(reply).await?;
            took += at - asked;
            (_, reply) = self.polled().await?;
        }
        Ok((took, reply))
    }

    async fn step(&mut self) -> anyhow::Result<Step> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(step) = timeout(Duration::from_secs(1), self.api.steps.recv()).await {
                return step.context("the Runtime API is gone");
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it has ended with {status}");
            }
            anyhow::ensure!(Instant::now() < end, "it has done nothing for a minute");
        }
    }

    /// Asks the process to end, and waits for it: valgrind then writes what it has counted.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of one that has ended, both say so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Lambda sets, and what template.yaml does, of now and of earlier commits. The keys are nobody's.
///
/// Trust is one bundle, as on Amazon Linux 2023: /etc/pki/tls/certs/ca-bundle.crt, a link to
/// /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem. `SSL_CERT_FILE` stands for it; with it, `rustls-native-certs` 0.8.5
/// reads nothing else (`load_native_certs`). Without it, it reads the first of `openssl-probe` 0.2.2's files that is there,
/// which is that bundle, and then every file of /etc/ssl/certs and /etc/pki/tls/certs that is another file than the bundle
/// (`load_pem_certs_from_dir`). Whether those are any depends on the image: with the links of `openssl rehash`, which
/// oven-sh/bun#40825 found on Amazon Linux 2023, each root is read once more, and a cold start there takes longer than
/// what is measured here.
fn variables(around: &Surroundings, api: &RuntimeApi) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("AWS_LAMBDA_RUNTIME_API", api.address()),
        // Node has roots of its own, and reads these beside.
        ("NODE_EXTRA_CA_CERTS", around.authority.display().to_string()),
        ("STAGES_TABLE", STAGES.to_owned()),
        ("PARTICIPANTS_TABLE", PARTICIPANTS.to_owned()),
    ];
    let fixed = [
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
        ("STACK_NAME", "bench"),
        ("STAGE_SESSIONS_TABLE", "bench-stage-sessions"),
        ("RECOVERY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/bench"),
        ("CLAIM_LEASE_SECONDS", "15"),
        ("STAGES_PER_OWNER", "100"),
        ("PARTICIPANT_SIGNING_KEY", "arn:aws:secretsmanager:us-east-1:123456789012:secret:bench-aBcDeF"),
        ("SIGNING_KEY_CACHE_SECONDS", "300"),
    ];
    variables.extend(around.endpoint.urls());
    variables.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    // As long as a role's is.
    variables.push(("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjE".repeat(50)));
    variables
}

//! One instance of a function: a process and its Runtime API.

use std::io;
use std::net::Ipv4Addr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::time::OffsetDateTime;
use hyper::body::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time;

use super::environment;
use super::outcome::{FunctionError, Outcome};
use super::runtime_api::{Invocation, Phase, RuntimeApi};
use super::settings::Settings;
use super::tail::{self, Tail};
use crate::aws::ACCOUNT;
use crate::aws::sts::callers::Caller;
use crate::plumbing::clock;
use crate::plumbing::http_server;
use crate::plumbing::ids;
use crate::plumbing::sync::lock;
use crate::program::log::LogLine;
use crate::template::Function;

/// How long an instance may take from its start to its first request for an event. Lambda allows 10 seconds; here,
/// fifty debug builds may start at once on a machine that is busy with something else.
const INIT_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the last lines of an ended process are waited for, in case a child of its own holds the pipe.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(5);

/// A running process and how to reach it.
pub(crate) struct Instance {
    pub(crate) id: String,
    function: Arc<Function>,
    settings: Arc<Settings>,
    api: Arc<RuntimeApi>,
    invocations: mpsc::UnboundedSender<Invocation>,
    phase: watch::Receiver<Phase>,
    kill: watch::Sender<bool>,
    access_key_id: String,
    /// Of the invocation under way, or of the last one.
    log: Mutex<InvocationLog>,
    /// Each takes notice when all is read that the process has written so far.
    outputs: Mutex<Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>>,
}

/// What an invocation has written.
#[derive(Default)]
struct InvocationLog {
    request_id: String,
    started: Option<(OffsetDateTime, Instant)>,
    /// The function's lines.
    tail: Tail,
}

/// What became of an event given to an instance.
pub(crate) enum Attempt {
    /// The invocation ended, well or not.
    Ended(Outcome),
    /// The instance, idle until now, turned out to be gone and has not seen the event.
    NotTaken,
}

impl Instance {
    /// Starts a process. It does its initialization while the caller goes on.
    pub(crate) async fn start(function: &Arc<Function>, settings: &Arc<Settings>) -> io::Result<Arc<Self>> {
        let id = ids::hex(32);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let caller = Caller::Function { function: function.id.clone(), instance: id.clone() };
        let credentials = settings.callers.issue(caller, None);
        let mut child = Command::new(settings.bin_dir.join(&function.binary))
            .env_clear()
            .envs(environment::variables(function, settings, &address, &id, &credentials))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .inspect_err(|_| settings.callers.revoke(&credentials.access_key_id))?;

        let (invocations, rx) = mpsc::unbounded_channel();
        let api = Arc::new(RuntimeApi::new(rx));
        let instance = Arc::new(Self {
            id,
            function: Arc::clone(function),
            settings: Arc::clone(settings),
            phase: api.phase(),
            api: Arc::clone(&api),
            invocations,
            kill: watch::Sender::new(false),
            access_key_id: credentials.access_key_id,
            log: Mutex::default(),
            outputs: Mutex::default(),
        });
        let lines = instance.copy_lines(&mut child);
        let watched = Arc::clone(&instance);
        settings.jobs.spawn(async move {
            let server = http_server::serve(listener, move |request| Arc::clone(&api).handle(request));
            let reason = tokio::select! {
                status = child.wait() => exit_reason(status),
                () = watched.killed() => {
                    let _ = child.kill().await;
                    "signal: killed".to_owned()
                }
                () = server => unreachable!("the server runs until it is dropped"),
            };
            watched.settings.callers.revoke(&watched.access_key_id);
            let _ = time::timeout(LAST_LINES_TIMEOUT, lines.join_all()).await;
            watched.api.end(FunctionError::new("Runtime.ExitError", format!("Runtime exited with error: {reason}")));
        });
        Ok(instance)
    }

    /// Whether the process can still take events.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(*self.phase.borrow(), Phase::Ended(_)) && !*self.kill.borrow()
    }

    /// Ends the process. From now on AWS does not know it any more, whatever it still sends.
    pub(crate) fn kill(&self) {
        self.settings.callers.revoke(&self.access_key_id);
        self.kill.send_replace(true);
    }

    /// Waits until [`Instance::kill`] is called.
    async fn killed(&self) {
        // The sender is this instance's own, so it is not closed meanwhile.
        let _ = self.kill.subscribe().wait_for(|killed| *killed).await;
    }

    /// Has the instance handle one event. It must not be handling another.
    pub(crate) async fn invoke(&self, event: Bytes, request: Option<u64>) -> Attempt {
        let mut phase = self.phase.clone();
        let was_ready = *phase.borrow() == Phase::Ready;
        if !was_ready && let Err(error) = self.initialized(&mut phase).await {
            self.kill();
            self.log(format!("INIT_REPORT Error: {}", error.message()));
            return Attempt::Ended(Err(error));
        }

        let request_id = ids::uuid();
        self.settings.requests.takes(&self.id, &request_id, request);
        let timeout = self.function.timeout;
        self.begin_log(&request_id);
        let (outcome, mut answered) = oneshot::channel();
        let name = &self.function.name;
        let invocation = Invocation {
            request_id: request_id.clone(),
            event,
            function_arn: format!("arn:aws:lambda:{}:{ACCOUNT}:function:{name}", self.settings.region),
            deadline: clock::now() + timeout,
            outcome,
        };
        // The receiving end lives as long as this instance does.
        let _ = self.invocations.send(invocation);
        tokio::select! {
            biased;
            Ok(outcome) = &mut answered => Attempt::Ended(outcome),
            reason = ended(&mut phase) => match answered.try_recv() {
                Ok(outcome) => Attempt::Ended(outcome),
                Err(_) if was_ready && !self.api.is_running(&request_id) => Attempt::NotTaken,
                Err(_) => {
                    self.log(format!("RequestId: {request_id} Error: {}", reason.message()));
                    Attempt::Ended(Err(reason))
                }
            },
            () = time::sleep(timeout) => {
                self.kill();
                let what = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
                self.log(format!("{} {request_id} {what}", clock::rfc3339(clock::now())));
                Attempt::Ended(Err(FunctionError::new("Sandbox.Timedout", format!("RequestId: {request_id} Error: {what}"))))
            }
        }
    }

    /// Waits for the end of the initialization.
    async fn initialized(&self, phase: &mut watch::Receiver<Phase>) -> Result<(), FunctionError> {
        let initialized = phase.wait_for(|phase| *phase != Phase::Init);
        match time::timeout(INIT_TIMEOUT, initialized).await {
            Ok(Ok(phase)) => match &*phase {
                Phase::Ended(reason) => Err(reason.clone()),
                Phase::Init | Phase::Ready => Ok(()),
            },
            Ok(Err(_)) => Err(FunctionError::new("Sandbox.Failure", "the local cloud is stopping")),
            Err(_) => {
                let what = format!("Init timed out after {:.2} seconds", INIT_TIMEOUT.as_secs_f64());
                Err(FunctionError::new("Sandbox.Timedout", what))
            }
        }
    }

    /// The end of the log of the invocation that has ended, in the platform's frame.
    pub(crate) async fn take_log(&self) -> Vec<u8> {
        let outputs = lock(&self.outputs).clone();
        for output in outputs {
            let (done, read) = oneshot::channel();
            // An output that has ended has been read.
            if output.send(done).is_ok() {
                let _ = time::timeout(LAST_LINES_TIMEOUT, read).await;
            }
        }
        let mut log = lock(&self.log);
        let InvocationLog { request_id, started, tail } = &mut *log;
        let lines = tail.take();
        let mut whole = Tail::default();
        if let Some((at, _)) = started {
            whole.push(&tail::start(&self.function, request_id, *at));
        }
        whole.extend(&lines);
        if let Some((_, started)) = started {
            tail::report(&self.function, request_id, started.elapsed()).iter().for_each(|line| whole.push(line));
        }
        whole.take()
    }

    fn begin_log(&self, request_id: &str) {
        let (request_id, started) = (request_id.to_owned(), Some((clock::now(), Instant::now())));
        *lock(&self.log) = InvocationLog { request_id, started, tail: Tail::default() };
    }

    fn copy_lines(self: &Arc<Self>, child: &mut Child) -> JoinSet<()> {
        let mut jobs = JoinSet::new();
        let copied = |copying: &mut JoinSet<()>, output: Box<dyn AsyncRead + Send + Unpin>| {
            let (sender, asked) = mpsc::unbounded_channel();
            lock(&self.outputs).push(sender);
            copying.spawn(copy(output, asked, Arc::clone(self)));
        };
        if let Some(stdout) = child.stdout.take() {
            copied(&mut jobs, Box::new(stdout));
        }
        if let Some(stderr) = child.stderr.take() {
            copied(&mut jobs, Box::new(stderr));
        }
        jobs
    }

    fn log(&self, line: String) {
        lock(&self.log).tail.push(&line);
        self.settings.lines.push(LogLine { function: self.function.id.clone(), instance: self.id.clone(), line });
    }
}

/// Waits until the instance is gone.
async fn ended(phase: &mut watch::Receiver<Phase>) -> FunctionError {
    match phase.wait_for(|phase| matches!(phase, Phase::Ended(_))).await.as_deref() {
        Ok(Phase::Ended(reason)) => reason.clone(),
        _ => FunctionError::new("Sandbox.Failure", "the local cloud is stopping"),
    }
}

/// Copies lines to their end. Who asks is told when there is nothing left to read for now.
async fn copy(
    output: impl AsyncRead + Unpin,
    mut asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    instance: Arc<Instance>,
) {
    let mut reader = BufReader::new(output);
    // Bytes, not text: a function may write what is not UTF-8.
    let mut line = Vec::new();
    let log = |line: &mut Vec<u8>| {
        instance.log(String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned());
        line.clear();
    };
    loop {
        tokio::select! {
            // A budget would make a reader wait that has something to read.
            biased;
            read = tokio::task::coop::unconstrained(reader.read_until(b'\n', &mut line)) => {
                if !read.is_ok_and(|length| length > 0) {
                    break;
                }
                log(&mut line);
            }
            Some(done) = asked.recv() => {
                // Who asked may have given up.
                let _ = done.send(());
            }
        }
    }
    if !line.is_empty() {
        log(&mut line);
    }
}

/// Says as Lambda does how a process ended.
fn exit_reason(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match status.code() {
            Some(code) => format!("exit status {code}"),
            None => status.to_string().split(" (").next().unwrap_or("signal").to_owned(),
        },
        Err(error) => error.to_string(),
    }
}

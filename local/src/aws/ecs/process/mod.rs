//! Containers that are processes of this machine.
//!
//! What is to run is said as a whole, again and again: a process that is missing is started, one that is not wanted any more
//! is killed. A container's process leads a group of its own, which ends with it.

mod certificates;
#[cfg(unix)]
mod child;
#[cfg(not(unix))]
mod elsewhere;
mod environment;
mod order;
mod settings;
#[cfg(unix)]
mod watchdog;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time;

pub(crate) use self::certificates::Certificates;
#[cfg(unix)]
use self::child as platform;
#[cfg(not(unix))]
use self::elsewhere as platform;
pub(crate) use self::order::{End, Exit, Key, Order, Wish};
pub(crate) use self::settings::ProcessSettings;
use crate::aws::sts::callers::{Caller, Credentials};
use crate::plumbing::ids;
use crate::plumbing::sync::lock;

/// How long the processes are waited for when the local cloud ends. They are killed, so this is for a busy machine.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// One process, or what is left of it until nobody wants it to run any more.
struct Process {
    /// What leads to its documents; nobody else knows it.
    id: String,
    role: Option<String>,
    /// Where it listens.
    port: Option<u16>,
    /// Dropping it kills the process.
    wish: watch::Sender<Wish>,
    /// Whether nothing goes through the connections to it.
    cut: watch::Sender<bool>,
}

/// All processes of containers.
pub(crate) struct Processes {
    settings: ProcessSettings,
    running: Mutex<BTreeMap<Key, Process>>,
    exits: mpsc::UnboundedSender<Exit>,
    /// How many there are, those that are just being killed among them.
    alive: Arc<watch::Sender<usize>>,
}

impl Processes {
    /// None yet; how they end is told to the receiver.
    pub(crate) fn new(settings: ProcessSettings) -> (Self, mpsc::UnboundedReceiver<Exit>) {
        let (exits, rx) = mpsc::unbounded_channel();
        (Self { settings, running: Mutex::default(), exits, alive: Arc::default() }, rx)
    }

    /// The binary of every image that is run as a process.
    pub(super) fn binaries(&self) -> &BTreeMap<String, String> {
        &self.settings.binaries
    }

    /// Sees to it that these run, and nothing else. One that has ended is not started again as long as it is wanted: its
    /// end has not been taken notice of yet.
    pub(super) fn carry_out(&self, orders: Vec<Order>) {
        let mut running = lock(&self.running);
        running.retain(|key, process| {
            let is_wanted = orders.iter().any(|order| order.key == *key);
            if !is_wanted {
                self.settings.callers.revoke_all(|caller| is_of_task(caller, &key.task));
                process.cut.send_replace(false);
            }
            is_wanted
        });
        for order in orders {
            let wish = order.wish;
            match running.get(&order.key) {
                Some(process) => {
                    process.wish.send_if_modified(|before| std::mem::replace(before, wish) != wish);
                }
                None if matches!(wish, Wish::Run) => _ = running.insert(order.key.clone(), self.start(order)),
                // It never came to a process, so there is nothing to wait for.
                None => _ = self.exits.send(Exit { key: order.key, end: End::Exited(0) }),
            }
        }
    }

    fn start(&self, order: Order) -> Process {
        let (id, role, key) = (ids::hex(32), order.role.clone(), order.key.clone());
        let (wish, wishes) = watch::channel(Wish::Run);
        let variables = environment::variables(&self.settings, &order, &id);
        let port = match variables.and_then(|variables| platform::start(&self.settings, order, variables)) {
            Ok((port, child)) => {
                let (exits, alive) = (self.exits.clone(), Arc::clone(&self.alive));
                alive.send_modify(|alive| *alive += 1);
                self.settings.jobs.spawn(async move {
                    // Also if the job is stopped.
                    let _alive = Alive(alive);
                    let code = child.wait(wishes).await;
                    let _ = exits.send(Exit { key, end: End::Exited(code) });
                });
                port
            }
            Err(error) => {
                let _ = self.exits.send(Exit { key, end: End::NotStarted(error.to_string()) });
                None
            }
        };
        Process { id, role, port, wish, cut: watch::Sender::new(false) }
    }

    /// Kills all of them, and waits until they are gone.
    pub(super) async fn end(&self) {
        lock(&self.running).clear();
        let mut alive = self.alive.subscribe();
        let _ = time::timeout(END_TIMEOUT, alive.wait_for(|alive| *alive == 0)).await;
    }

    /// The container whose documents this id leads to.
    pub(super) fn known_as(&self, id: &str) -> Option<Key> {
        let running = lock(&self.running);
        running.iter().find(|(_, process)| process.id == id).map(|(key, _)| key.clone())
    }

    /// New credentials of the task's role, for the container whose documents this id leads to, until then (milliseconds
    /// since 1970); and the role.
    pub(super) fn credentials(&self, id: &str, until: i64) -> Option<(String, Credentials)> {
        let running = lock(&self.running);
        let (key, process) = running.iter().find(|(_, process)| process.id == id)?;
        let role = process.role.clone()?;
        let caller = Caller::Task { role: role.clone(), task: key.task.clone() };
        Some((role, self.settings.callers.issue(caller, Some(until))))
    }

    /// Where a task listens, and whether the connections to it are cut, from now on. `None` if it is no process.
    pub(super) fn network(&self, task: &str) -> Option<(Option<u16>, watch::Receiver<bool>)> {
        let running = lock(&self.running);
        let of_task = running.iter().filter(|(key, _)| key.task == task).map(|(_, process)| process);
        let listening = of_task.clone().find(|process| process.port.is_some());
        let process = listening.or_else(|| of_task.into_iter().next())?;
        Some((process.port, process.cut.subscribe()))
    }

    /// Cuts the connections to a task, or lets them go on. `false` if it is no process.
    pub(super) fn cut(&self, task: &str, cut: bool) -> bool {
        let running = lock(&self.running);
        let mut is_process = false;
        for (_, process) in running.iter().filter(|(key, _)| key.task == task) {
            process.cut.send_replace(cut);
            is_process = true;
        }
        is_process
    }
}

/// Counts one less when it is dropped.
struct Alive(Arc<watch::Sender<usize>>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.send_modify(|alive| *alive -= 1);
    }
}

fn is_of_task(caller: &Caller, id: &str) -> bool {
    matches!(caller, Caller::Task { task, .. } if task == id)
}

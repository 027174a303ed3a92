//! Transwrap servers in a test's cloud: tasks that run in its ECS, and what ECS says of them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType, NetworkConfiguration,
    NetworkMode,
};
use serde_json::{Value, json};

use crate::app::{Row, TestApp, eventually};

/// The most tasks that ECS starts at once.
const AT_ONCE: usize = 10;

/// The transwrap servers of a test. Nothing moves by itself, and nobody hears of what moves until the test tells it.
pub struct Fleet<'a> {
    app: &'a TestApp,
    /// The cluster of the transwrap servers.
    cluster: &'a str,
    /// The service whose tasks are transwrap servers.
    service: &'a str,
    /// The task definition, whose tasks are transwrap servers, too.
    family: &'a str,
}

/// A task, and what ECS has said of it so far.
#[derive(Debug, Clone)]
pub struct Task {
    /// What stands last in its ARN.
    pub id: String,
    /// Its events, in their order.
    pub said: Vec<Value>,
}

impl Task {
    /// What ECS has said last.
    ///
    /// # Panics
    /// When it has said nothing.
    pub fn last(&self) -> &Value {
        self.said.last().expect("an event")
    }

    /// What ECS would say next or has said before: the last event with another version and other statuses.
    pub fn at(&self, version: u64, last_status: &str, desired_status: &str) -> Value {
        at(self.last(), version, last_status, desired_status)
    }

    /// Its network interface, as the last event has it.
    ///
    /// # Panics
    /// When it has none.
    pub fn interface(&self) -> &str {
        let details = self.last()["detail"]["attachments"][0]["details"].as_array().expect("an attachment");
        let id = details.iter().find(|detail| detail["name"] == "networkInterfaceId").expect("a network interface");
        id["value"].as_str().expect("an id")
    }
}

/// The ids of tasks.
pub fn ids<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> BTreeSet<String> {
    tasks.into_iter().map(|task| task.id.clone()).collect()
}

/// The same event at another version and with other statuses.
fn at(event: &Value, version: u64, last_status: &str, desired_status: &str) -> Value {
    let mut event = event.clone();
    event["detail"]["version"] = version.into();
    event["detail"]["lastStatus"] = last_status.into();
    event["detail"]["desiredStatus"] = desired_status.into();
    event
}

impl<'a> Fleet<'a> {
    /// Makes the cluster, another one, and a task definition.
    ///
    /// # Panics
    /// When ECS refuses that.
    pub async fn new(app: &'a TestApp) -> Self {
        app.anonymous().put("/_local/ecs/clock", json!({"mode": "manual"})).await.expect(200);
        let fleet = Self {
            app,
            cluster: app.parameter("TranswrapCluster"),
            service: group(app, "service:"),
            family: group(app, "family:"),
        };
        for name in [fleet.cluster, "staging"] {
            app.ecs().create_cluster().cluster_name(name).send().await.expect("a cluster can be made");
        }
        let container = ContainerDefinition::builder().name("transwrap").image("transwrap").build();
        let definition = app.ecs().register_task_definition().family(fleet.family).container_definitions(container);
        let definition = definition.network_mode(NetworkMode::Awsvpc).cpu("256").memory("512");
        let definition = definition.requires_compatibilities(Compatibility::Fargate);
        definition.send().await.expect("a task definition can be registered");
        fleet
    }

    /// The cluster of the transwrap servers.
    pub fn cluster(&self) -> &'a str {
        self.cluster
    }

    /// The task definition of the transwrap servers.
    pub fn family(&self) -> &'a str {
        self.family
    }

    /// Does something to ECS, and answers what ECS said meanwhile, which reaches nobody.
    pub async fn unheard<T>(&self, action: impl Future<Output = T>) -> (T, Vec<Value>) {
        let door = self.app.anonymous();
        let since = door.get("/_local/events").await.expect(200).json()["next"].clone();
        door.put("/_local/events/faults", json!({"times": null, "fault": {"kind": "lose"}})).await.expect(200);
        let done = action.await;
        door.delete("/_local/events/faults").await.expect(200);
        let said = door.get(&format!("/_local/events?since={since}")).await.expect(200).json();
        let said = said["events"].as_array().into_iter().flatten().map(|entry| entry["event"].clone()).collect();
        (done, said)
    }

    /// Starts tasks of the service, which are at their very beginning.
    ///
    /// # Panics
    /// When ECS refuses that.
    pub async fn start(&self, count: usize) -> Vec<Task> {
        let network = json!({"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "ENABLED"});
        let (_, said) = self
            .unheard(async {
                for started in (0..count).step_by(AT_ONCE) {
                    let request = json!({
                        "cluster": self.cluster, "taskDefinition": self.family, "launchType": "FARGATE",
                        "count": AT_ONCE.min(count - started),
                        "networkConfiguration": {"awsvpcConfiguration": network},
                    });
                    self.app
                        .anonymous()
                        .post(&format!("/_local/ecs/services/{}/tasks", self.service), request)
                        .await
                        .expect(200);
                }
            })
            .await;
        said.into_iter().map(|event| Task { id: task_id(&event).to_owned(), said: vec![event] }).collect()
    }

    /// Starts a task of no service, in a cluster.
    ///
    /// # Panics
    /// When ECS refuses that.
    pub async fn start_in(&self, cluster: &str, group: &str) -> Task {
        let network = AwsVpcConfiguration::builder().subnets("subnet-1").assign_public_ip(AssignPublicIp::Enabled);
        let network = network.build().expect("a network");
        let run =
            self.app.ecs().run_task().cluster(cluster).task_definition(self.family).launch_type(LaunchType::Fargate);
        let run = run.network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build());
        let (_, said) = self.unheard(async { run.group(group).send().await.expect("a task can be run") }).await;
        Task { id: task_id(&said[0]).to_owned(), said }
    }

    /// Starts tasks of the service and has them run.
    pub async fn run(&self, count: usize) -> Vec<Task> {
        let mut tasks = self.start(count).await;
        for task in &mut tasks {
            self.tick(task, 3).await;
        }
        tasks
    }

    /// Starts a task of the service and has it run.
    ///
    /// # Panics
    /// When ECS refuses that.
    pub async fn run_one(&self) -> Task {
        self.run(1).await.pop().expect("one task")
    }

    /// Moves a task some states further, as far as there are any.
    pub async fn tick(&self, task: &mut Task, steps: usize) {
        if steps == 0 {
            return;
        }
        let order = json!({"task": task.id, "steps": steps});
        self.change(task, async { self.app.anonymous().post("/_local/ecs/tick", order).await.expect(200) }).await;
    }

    /// Asks a task to stop, and has it go some states on.
    pub async fn stop(&self, task: &mut Task, steps: usize) {
        let stop = self.app.ecs().stop_task().cluster(self.cluster).task(&task.id);
        self.change(task, async { stop.send().await.expect("a task can be stopped") }).await;
        self.tick(task, steps).await;
    }

    /// Ends the container of a running task.
    pub async fn crash(&self, task: &mut Task) {
        let path = format!("/_local/ecs/tasks/{}/crash", task.id);
        self.change(task, async { self.app.anonymous().post(&path, json!(null)).await.expect(200) }).await;
    }

    async fn change<T>(&self, task: &mut Task, action: impl Future<Output = T>) {
        let (_, said) = self.unheard(action).await;
        task.said.extend(said);
    }

    /// Gives a task its public address, or keeps it back.
    pub async fn associate(&self, task: &Task, associated: bool) {
        let path = format!("/_local/ecs/tasks/{}/public-ip", task.id);
        self.app.anonymous().put(&path, json!({"associated": associated})).await.expect(200);
    }

    /// Has ECS forget a task.
    pub async fn forget(&self, task: &Task) {
        self.app.anonymous().delete(&format!("/_local/ecs/tasks/{}", task.id)).await.expect(200);
    }

    /// The tasks that ECS says run and are meant to.
    ///
    /// # Panics
    /// When ECS cannot be asked.
    pub async fn running(&self, tasks: &[Task]) -> BTreeSet<String> {
        let ids = tasks.iter().map(|task| task.id.clone()).collect();
        let described = self.app.ecs().describe_tasks().cluster(self.cluster).set_tasks(Some(ids)).send().await;
        let described = described.expect("the tasks can be described");
        let running = described
            .tasks()
            .iter()
            .filter(|task| task.last_status() == Some("RUNNING") && task.desired_status() == Some("RUNNING"));
        running.filter_map(|task| task.task_arn()?.rsplit('/').next()).map(str::to_owned).collect()
    }

    /// Tells the rules an event and answers how its delivery went; null if it is for nobody.
    pub async fn tell(&self, event: &Value) -> Value {
        let told = self.app.anonymous().post("/_local/events?wait=true", event.clone()).await.expect(200).json();
        told["deliveries"][0].clone()
    }

    /// Tells the rules events, one after the other, each of which has to be handled.
    ///
    /// # Panics
    /// When one is not.
    pub async fn tell_all(&self, events: impl IntoIterator<Item = &Value>) {
        let events: Value = events.into_iter().cloned().collect();
        let told = self.app.anonymous().post("/_local/events?wait=true", events).await.expect(200).json();
        for delivery in told["deliveries"].as_array().into_iter().flatten() {
            assert_eq!(delivery["ok"], true, "{delivery}");
        }
    }

    /// Runs the reconciler as its schedule does, and answers whether it succeeded.
    pub async fn reconcile(&self) -> bool {
        let path = "/_local/schedules/ReconcilerFunction.EveryFiveMinutes/run";
        let delivery = self.app.anonymous().post(path, json!(null)).await.expect(200).json();
        delivery["ok"] == true
    }

    /// Runs the reconciler until a run succeeds, as its schedule does: on a busy machine, a call may take longer than
    /// the function waits for it.
    ///
    /// # Panics
    /// When none does.
    pub async fn reconciled(&self) {
        eventually("the reconciler succeeds", async || self.reconcile().await.then_some(())).await;
    }

    /// The servers that `GET /servers` lists, page by page.
    ///
    /// # Panics
    /// When one is listed twice.
    pub async fn offered(&self) -> BTreeSet<String> {
        let mut offered = BTreeSet::new();
        for server in self.app.servers(100).await {
            let id = server["taskId"].as_str().expect("an id").to_owned();
            assert!(offered.insert(id), "a server is listed twice: {server}");
        }
        offered
    }

    /// What the table says of a task; nothing if it has no row.
    pub async fn state(&self, task: &str) -> Option<String> {
        let rows = self.app.rows("servers").await;
        let row = rows.iter().find(|row| row.get("taskId").and_then(|id| id.as_s().ok()).is_some_and(|id| id == task));
        row.and_then(|row| row.get("state")).and_then(|state| state.as_s().ok()).cloned()
    }

    /// Takes rows out of the table whose tasks ECS knows nothing of: those of [`Self::fill`].
    pub async fn empty(&self, rows: &[Row]) {
        let is_filled = |id: &AttributeValue| id.as_s().is_ok_and(|id| id.ends_with(&"0".repeat(24)));
        let ids = rows.iter().filter_map(|row| row.get("taskId")).filter(|id| is_filled(id)).cloned();
        self.app.delete("servers", ids.map(|id| Row::from([("taskId".to_owned(), id)]))).await;
    }

    /// Adds servers to the table that ECS knows nothing of, with ids at the same distance from each other.
    pub async fn fill(&self, count: u32) {
        let distance = u32::MAX / count;
        let row = |n: u32| {
            let fields = [
                ("taskId", AttributeValue::S(format!("{:08x}{:024x}", n * distance, 0))),
                ("version", AttributeValue::N("4".to_owned())),
                ("state", AttributeValue::S("offered".to_owned())),
                ("pool", AttributeValue::S("servers".to_owned())),
                ("publicIp", AttributeValue::S("198.51.100.7".to_owned())),
                ("availabilityZone", AttributeValue::S(format!("{}a", self.app.region()))),
                ("startedAt", AttributeValue::S("2026-03-01T12:00:34.325Z".to_owned())),
            ];
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        };
        self.app.fill("servers", (0..count).map(row)).await;
    }
}

impl TestApp {
    /// Every server that `GET /servers` lists, in pages of this size.
    pub async fn servers(&self, limit: usize) -> Vec<Value> {
        let user = self.user("alice");
        let (mut servers, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = user.get(&format!("/servers?limit={limit}{cursor}")).await.expect(200).json();
            servers.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return servers,
            }
        }
    }
}

/// What `TranswrapGroups` names after `service:` or `family:`.
fn group<'a>(app: &'a TestApp, kind: &str) -> &'a str {
    let mut groups = app.parameter("TranswrapGroups").split(',');
    groups.find_map(|group| group.strip_prefix(kind)).expect("a service and a family are configured")
}

/// The task that an event is about.
fn task_id(event: &Value) -> &str {
    let arn = event["detail"]["taskArn"].as_str().expect("an event of a task");
    arn.rsplit('/').next().unwrap_or_default()
}

//! A local cloud per test, on ports of its own, with the real function binaries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use aws_smithy_async::rt::sleep::TokioSleep;
use hyper::body::Bytes;
use local::{LocalCloud, Log, Options, Packages, Profile, TemplateSource};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::answer::Answer;
use crate::deployment::Deployment;
use crate::http::{Caller, Secrets};
use crate::root::root;

/// How a test's cloud differs from the [`Deployment`] of this run.
#[derive(Default)]
pub struct Setup {
    template: Option<String>,
    edits: Vec<(String, String)>,
    parameters: BTreeMap<String, String>,
    stack_name: Option<String>,
    data_dir: Option<PathBuf>,
    with_servers: bool,
}

impl Setup {
    /// Deploys this text in place of template.yaml.
    #[must_use]
    pub fn template(mut self, text: String) -> Self {
        self.template = Some(text);
        self
    }

    /// Replaces a text of template.yaml, which must be there.
    #[must_use]
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Claims lapse in a second, so that a test need not wait for long; in three where a list of IVS may be two late, as a
    /// lease of the template's own length is longer than that, too.
    #[must_use]
    pub fn short_lease(self) -> Self {
        let seconds = if assumes_unkind() { "3" } else { "1" };
        self.edit("MinValue: 15", "MinValue: 1").parameter("ClaimLeaseSeconds", seconds)
    }

    /// Sets a parameter of the template.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Deploys under another name.
    #[must_use]
    pub fn stack_name(mut self, name: &str) -> Self {
        self.stack_name = Some(name.to_owned());
        self
    }

    /// Runs what template.yaml has for a developer's machine, too: transwrap servers, as processes.
    #[must_use]
    pub fn with_servers(mut self) -> Self {
        self.with_servers = true;
        self
    }

    /// Keeps the state in a directory.
    #[must_use]
    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.to_owned());
        self
    }

    /// Runs a test in this cloud, and checks afterwards what must hold after every test: no secret in any log line,
    /// and as many stages in IVS as the table knows.
    ///
    /// # Panics
    /// When the test fails, or one of these does not hold.
    pub async fn run(self, test: impl AsyncFnOnce(&TestApp)) {
        let app = TestApp::start(self).await;
        test(&app).await;
        app.nothing_is_orphaned().await;
        app.remember_signing_keys().await;
        app.remember_stream_keys().await;
        let secrets = app.secrets.clone();
        for line in app.cloud.shutdown().await {
            let shown = secrets.shown_by(&line.line);
            assert!(shown.is_none(), "{} logged a secret: {}", line.function, line.line);
        }
    }

    /// Does something in this cloud and checks nothing afterwards: for what leaves a mess on purpose.
    ///
    /// # Panics
    /// When the cloud cannot be started.
    pub async fn explore<T>(self, exploration: impl AsyncFnOnce(&TestApp) -> T) -> T {
        let app = TestApp::start(self).await;
        let found = exploration(&app).await;
        app.cloud.shutdown().await;
        found
    }
}

/// A row of a table, by attribute.
pub type Row = HashMap<String, AttributeValue>;

/// A running cloud, and what a test needs to look at it.
pub struct TestApp {
    cloud: LocalCloud,
    stack: String,
    region: &'static str,
    anonymous: Caller,
    aws: Caller,
    ivs: aws_sdk_ivsrealtime::Client,
    ivs_low_latency: aws_sdk_ivs::Client,
    ivs_chat: aws_sdk_ivschat::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    ecs: aws_sdk_ecs::Client,
    secrets_manager: aws_sdk_secretsmanager::Client,
    secrets: Secrets,
}

/// The directory of the function binaries, which are built once for all tests of the process.
async fn binaries() -> PathBuf {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = || async {
        let build = || local::build(&root(), Profile::Dev, &Packages::Workspace);
        let built = tokio::task::spawn_blocking(build).await.expect("the build does not panic");
        built.expect("the function binaries can be built")
    };
    BUILT.get_or_init(build).await.clone()
}

/// Whether AWS is assumed to be unkind in this run wherever it does not say: `GREENROOM_TEST_ASSUMPTIONS` is `unkind`.
///
/// # Panics
/// When the variable is anything else.
fn assumes_unkind() -> bool {
    const VARIABLE: &str = "GREENROOM_TEST_ASSUMPTIONS";
    let set = std::env::var_os(VARIABLE);
    assert!(
        set.is_none() || set.as_ref().is_some_and(|value| value == "unkind"),
        "{VARIABLE} is {set:?}, not `unkind`"
    );
    set.is_some()
}

/// An SDK client of the developer's, for a test to look at AWS with. The SDK's builders have no common trait.
macro_rules! sdk_client {
    ($sdk:ident, $region:expr, $endpoint:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new($region))
                .credentials_provider(Credentials::from_keys("test", "test", None))
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .sleep_impl(TokioSleep::new())
                .endpoint_url($endpoint)
                .build(),
        )
    };
}

impl TestApp {
    /// Runs a test in the cloud as template.yaml describes it.
    pub async fn run(test: impl AsyncFnOnce(&Self)) {
        Setup::default().run(test).await;
    }

    async fn start(setup: Setup) -> Self {
        let mut template = setup.template.unwrap_or_else(|| {
            std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml can be read")
        });
        for (from, to) in &setup.edits {
            assert!(template.contains(from), "template.yaml has no {from:?} to edit");
            template = template.replace(from, to);
        }
        let deployment = Deployment::of_this_run();
        let stack = setup.stack_name.unwrap_or_else(|| deployment.stack_name.clone());
        let region = deployment.region.as_str();
        let mut parameters = deployment.parameters.clone();
        parameters.extend(setup.parameters);
        let cloud = LocalCloud::start(Options {
            template: TemplateSource::Text(template),
            stack_name: stack.clone(),
            parameters,
            local_parameters: setup.with_servers,
            region: region.to_owned(),
            port: 0,
            aws_port: 0,
            data_dir: setup.data_dir,
            bin_dir: binaries().await,
            max_instances: 50,
            // One of a minute would come in between.
            run_schedules: false,
            assume_unkind: assumes_unkind(),
            log: Log::Collect,
            ..Options::default()
        })
        .await
        .expect("the local cloud starts");
        let (url, aws, secrets) = (cloud.api_url(), cloud.aws_url(), Secrets::default());
        let app = Self {
            stack,
            region,
            anonymous: Caller::new(url, secrets.clone()).expect("plain HTTP needs no set-up"),
            ivs: sdk_client!(aws_sdk_ivsrealtime, region, &aws),
            ivs_low_latency: sdk_client!(aws_sdk_ivs, region, &aws),
            ivs_chat: sdk_client!(aws_sdk_ivschat, region, &aws),
            dynamodb: sdk_client!(aws_sdk_dynamodb, region, &aws),
            ecs: sdk_client!(aws_sdk_ecs, region, &aws),
            secrets_manager: sdk_client!(aws_sdk_secretsmanager, region, &aws),
            aws: Caller::new(aws, secrets.clone()).expect("plain HTTP needs no set-up"),
            secrets,
            cloud,
        };
        app.keep_indexes_in_time().await;
        app
    }

    /// Tests read by an index what they have just written; those about late indexes have them late themselves.
    async fn keep_indexes_in_time(&self) {
        self.anonymous.put("/_local/assumptions", json!({"lateIndexes": false})).await.expect(200);
    }

    /// The cloud itself.
    pub fn cloud(&self) -> &LocalCloud {
        &self.cloud
    }

    /// Every function of the template by logical id, each with its Cargo package, which names its folders.
    pub fn functions(&self) -> BTreeMap<String, String> {
        self.cloud.template().functions()
    }

    /// Every table of the template, as the stack names it: `stages`.
    ///
    /// # Panics
    /// When DynamoDB does not list them.
    pub async fn tables(&self) -> BTreeSet<String> {
        let listed = self.dynamodb.list_tables().send().await.expect("the tables can be listed");
        let prefix = self.table("");
        listed.table_names().iter().filter_map(|name| Some(name.strip_prefix(&prefix)?.to_owned())).collect()
    }

    /// The whole name of a table, such as `stages`, of the stack.
    pub fn table(&self, name: &str) -> String {
        format!("{}-{name}", self.stack)
    }

    /// The name of the stack.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.region
    }

    /// The value of a parameter of the template.
    ///
    /// # Panics
    /// When the template has no such parameter.
    pub fn parameter(&self, name: &str) -> &str {
        self.cloud.template().parameters().get(name).unwrap_or_else(|| panic!("template.yaml has no parameter {name}"))
    }

    /// Every route of the template.
    pub fn routes(&self) -> Vec<local::Route> {
        self.cloud.template().routes()
    }

    /// IVS Real-Time as the developer sees it.
    pub fn ivs(&self) -> &aws_sdk_ivsrealtime::Client {
        &self.ivs
    }

    /// IVS low-latency as the developer sees it.
    pub fn ivs_low_latency(&self) -> &aws_sdk_ivs::Client {
        &self.ivs_low_latency
    }

    /// IVS Chat as the developer sees it.
    pub fn ivs_chat(&self) -> &aws_sdk_ivschat::Client {
        &self.ivs_chat
    }

    /// DynamoDB as the developer sees it.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// ECS as the developer sees it.
    pub fn ecs(&self) -> &aws_sdk_ecs::Client {
        &self.ecs
    }

    /// Secrets Manager as the developer sees it.
    pub fn secrets_manager(&self) -> &aws_sdk_secretsmanager::Client {
        &self.secrets_manager
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> &Caller {
        &self.anonymous
    }

    /// A signed-in user.
    pub fn user(&self, sub: &str) -> Caller {
        self.anonymous.of_user(sub, &self.cloud.token(sub))
    }

    /// A user with a token of the side door's making: `sub=alice&exp=-60`.
    pub async fn user_with(&self, query: &str) -> Caller {
        let token = self.anonymous.get(&format!("/_local/token?{query}")).await.expect(200).text;
        self.anonymous.with_token(token.trim())
    }

    /// Asks for a participant token.
    pub async fn mint(&self, caller: &Caller, stage: &str, body: Value) -> Answer {
        caller.post(&format!("/stages/{stage}/participants"), body).await
    }

    /// Declares a text that no log line may show.
    pub fn is_secret(&self, text: &str) {
        self.secrets.insert(text);
    }

    /// What IVS says to a client that joins with this participant token.
    pub async fn join(&self, token: &str) -> Value {
        self.anonymous.post("/_local/join", json!({"token": token})).await.expect(200).json()
    }

    /// Makes matching AWS calls fail.
    pub async fn fault(&self, fault: Value) {
        let answer = self.anonymous.put("/_local/faults", fault).await;
        assert!((200..300).contains(&answer.status), "{}", answer.text);
    }

    /// Ends all faults.
    pub async fn heal(&self) {
        self.anonymous.delete("/_local/faults").await;
    }

    /// Waits until the faults in force have struck so often together.
    pub async fn until_faults_strike(&self, times: u64) {
        eventually("the faults strike", async || {
            let faults = self.anonymous.get("/_local/faults").await.expect(200).json();
            let fired = faults["faults"].as_array()?.iter().filter_map(|fault| fault["fired"].as_u64());
            (fired.sum::<u64>() >= times).then_some(())
        })
        .await;
    }

    /// Holds up calls that match until [`Self::heal`], before their effect or after it.
    pub async fn hold(&self, mut calls: Value, when: &str) {
        calls["fault"] = json!({"kind": "latency", "ms": 3_600_000, "when": when});
        self.fault(calls).await;
    }

    /// Does something of which calls are held up, and something else once so many of them are; then all faults end.
    /// Nothing if the first came to its end without: that one has met another limit, as happens on a busy machine.
    pub async fn while_held<T, M>(
        &self,
        calls: u64,
        held: impl Future<Output = T>,
        meanwhile: impl Future<Output = M>,
    ) -> Option<(T, M)> {
        // On the heap: a debug build's futures, one within another, are too much for the stack of a test's thread.
        let mut held = Box::pin(held);
        tokio::select! {
            _ = &mut held => {
                self.heal().await;
                return None;
            }
            () = self.until_faults_strike(calls) => {}
        }
        let meanwhile = Box::pin(meanwhile);
        let meanwhile = async {
            let done = meanwhile.await;
            self.heal().await;
            done
        };
        Some(tokio::join!(held, meanwhile))
    }

    /// Back to the start: empty tables, no resources, no faults.
    pub async fn reset(&self) {
        self.anonymous.post("/_local/reset", json!(null)).await.expect(200);
        self.keep_indexes_in_time().await;
    }

    /// Overrides quotas of IVS.
    pub async fn quotas(&self, quotas: Value) {
        self.anonymous.put("/_local/quotas", quotas).await.expect(200);
    }

    /// The AWS calls that the functions made while `action` ran: `service:operation` each.
    pub async fn calls_of<T>(&self, action: impl Future<Output = T>) -> (T, Vec<String>) {
        let (result, calls) = self.records_of(action).await;
        let text = |call: &Value, member: &str| call[member].as_str().unwrap_or("?").to_owned();
        (result, calls.iter().map(|call| format!("{}:{}", text(call, "service"), text(call, "operation"))).collect())
    }

    /// What DynamoDB counted of the calls that the functions made while `action` ran: each operation with its capacity units.
    /// Not of the recovery's, which is at work on its own, on what earlier requests have left.
    ///
    /// # Panics
    /// When one was refused: the engine does not say what that costs.
    pub async fn capacity_of<T>(&self, action: impl Future<Output = T>) -> (T, Vec<(String, f64)>) {
        let (result, calls) = self.records_of(action).await;
        let units = |call: &Value| {
            let units = call["consumedCapacity"].as_f64().unwrap_or_else(|| panic!("nothing was counted: {call}"));
            (call["operation"].as_str().unwrap_or_default().to_owned(), units)
        };
        let is_counted = |call: &&Value| call["service"] == "dynamodb" && call["function"] != "RecoveryFunction";
        (result, calls.iter().filter(is_counted).map(units).collect())
    }

    /// The side door's records of the AWS calls that the functions made while `action` ran.
    async fn records_of<T>(&self, action: impl Future<Output = T>) -> (T, Vec<Value>) {
        let since = self.anonymous.get("/_local/calls").await.expect(200).json()["next"].clone();
        let result = action.await;
        let calls = self.anonymous.get(&format!("/_local/calls?since={since}")).await.expect(200).json();
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        (result, calls.into_iter().filter(|call| call["function"].is_string()).collect())
    }

    /// Function and action of every AWS call that a function's policy did not allow.
    pub async fn denied(&self) -> BTreeSet<(String, String)> {
        let calls = self.anonymous.get("/_local/calls").await.expect(200).json();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let denied = |call: &Value| Some((text(&call["function"])?, text(&call["deniedAction"])?));
        calls["calls"].as_array().into_iter().flatten().filter_map(denied).collect()
    }

    /// Name and ARN of every stage in IVS.
    pub async fn stages_in_ivs(&self) -> Vec<(String, String)> {
        self.resources_in_ivs("stage").await
    }

    /// Name and ARN of every resource of a kind that IVS has now. Its own lists may be late.
    async fn resources_in_ivs(&self, kind: &str) -> Vec<(String, String)> {
        let state = self.anonymous.get("/_local/state?rows=0").await.expect(200).json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let resources = state["resources"].as_array().into_iter().flatten();
        let resources = resources.filter(|resource| resource["kind"] == kind);
        resources.map(|resource| (text(&resource["name"]), text(&resource["arn"]))).collect()
    }

    /// Has IVS answer a list of the test's own with what there is now, also where its lists are late. Not for when functions
    /// may list at the same time.
    pub async fn at_once<T>(&self, list: impl Future<Output = T>) -> T {
        let late = self.anonymous.get("/_local/assumptions").await.expect(200).json()["lateListings"].clone();
        let assume = async |late: Value| {
            self.anonymous.put("/_local/assumptions", json!({"lateListings": late})).await.expect(200);
        };
        assume(json!(false)).await;
        let listed = list.await;
        assume(late).await;
        listed
    }

    /// Has IVS bar who is disconnected before they have joined, so that a removal is done at once.
    pub async fn bar_the_disconnected(&self) {
        self.anonymous.put("/_local/assumptions", json!({"earlyDisconnect": "bars"})).await.expect(200);
    }

    /// Makes a value the current one of a secret of the stack.
    pub async fn put_secret(&self, secret: &str, value: impl Into<String>) {
        let id = format!("{}/{secret}", self.stack);
        let put = self.secrets_manager.put_secret_value().secret_id(id).secret_string(value);
        put.send().await.expect("the secret takes a value");
    }

    /// Notes on a key in IVS that it was replaced so many days ago.
    pub async fn retire_key(&self, arn: &str, days: i64) {
        self.tag_key(arn, "greenroom:retired-at", -days).await;
    }

    /// Notes on a key in IVS that its maker is dead.
    pub async fn end_lease_of_key(&self, arn: &str) {
        self.tag_key(arn, "greenroom:lease-until", -1).await;
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the local cloud is the system's")]
    async fn tag_key(&self, arn: &str, tag: &str, days: i64) {
        let at = time::OffsetDateTime::now_utc() + time::Duration::days(days);
        let at = at.format(&time::format_description::well_known::Rfc3339).expect("a time has a text");
        // Either service's client tags what is the other's.
        self.ivs.tag_resource().resource_arn(arn).tags(tag, at).send().await.expect("the key can be tagged");
    }

    /// Every row of a table but the counters; tests may scan.
    pub async fn rows(&self, table: &str) -> Vec<Row> {
        self.scan(table).await.into_iter().filter(|row| counter(row).is_none()).collect()
    }

    /// How many names each owner has by the counters of a table.
    pub async fn counters(&self, table: &str) -> BTreeMap<String, usize> {
        self.scan(table).await.iter().filter_map(counter).collect()
    }

    /// Every row of a table.
    pub async fn scan(&self, table: &str) -> Vec<Row> {
        let scan = self.dynamodb.scan().table_name(self.table(table)).consistent_read(true);
        let items = scan.into_paginator().items().send().collect::<Result<_, _>>().await;
        items.expect("the table can be read")
    }

    /// Each owner's counter says how many rows there are that are counted, once nobody is at work.
    ///
    /// # Panics
    /// When one does not.
    pub async fn counts_are_right(&self) {
        for table in ["stages", "channels"] {
            let what = format!("the counters of {table} are the rows that are counted");
            eventually(&what, async || {
                let mut counted = BTreeMap::new();
                for row in self.rows(table).await.iter().filter(|row| row.contains_key("counted")) {
                    *counted.entry(row["owner"].as_s().expect("a text").clone()).or_insert(0) += 1;
                }
                let mut counters = self.counters(table).await;
                counters.retain(|_, count| *count > 0);
                (counters == counted).then_some(())
            })
            .await;
        }
    }

    /// Puts rows into a table, whatever it says of them.
    pub async fn fill(&self, table: &str, rows: impl IntoIterator<Item = Row>) {
        let put = |row| PutRequest::builder().set_item(Some(row)).build().expect("an item");
        let writes = rows.into_iter().map(|row| WriteRequest::builder().put_request(put(row)).build());
        self.write(table, writes.collect()).await;
    }

    /// Takes rows out of a table, by their keys.
    pub async fn delete(&self, table: &str, keys: impl IntoIterator<Item = Row>) {
        let delete = |key| DeleteRequest::builder().set_key(Some(key)).build().expect("a key");
        let writes = keys.into_iter().map(|key| WriteRequest::builder().delete_request(delete(key)).build());
        self.write(table, writes.collect()).await;
    }

    async fn write(&self, table: &str, writes: Vec<WriteRequest>) {
        let table = self.table(table);
        for batch in writes.chunks(25) {
            let write = self.dynamodb.batch_write_item().request_items(&table, batch.to_vec());
            write.send().await.expect("the rows can be written");
        }
    }

    /// The URL of a queue of the template.
    pub fn queue_url(&self, queue: &str) -> String {
        format!("https://sqs.{}.amazonaws.com/000000000000/{}-{queue}", self.region, self.stack)
    }

    /// The messages that are in a queue of the template now, with everything that there is to know of them.
    pub async fn messages(&self, queue: &str) -> Vec<Value> {
        let input = json!({
            "QueueUrl": self.queue_url(queue),
            "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "VisibilityTimeout": 0,
        });
        let authorization = self.authorization("sqs");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "AmazonSQS.ReceiveMessage"),
        ];
        let received = self.aws.send("POST", "/", &headers, input.to_string()).await.expect(200).json();
        received["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// Overwrites one attribute of a stage's row.
    pub async fn set_stage_attribute(&self, stage: &str, attribute: &str, value: &str) {
        self.set_attribute("stages", stage, attribute, value).await;
    }

    /// Gives a user's current token without a device, and with it all that the row holds, an end in the past.
    pub async fn expire_tokens(&self, stage: &str, user: &str) {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        self.dynamodb
            .update_item()
            .table_name(self.table("participants"))
            .key("stage", text(stage))
            .key("userId", text(user))
            .update_expression("SET #token.expiresAt = :past, heldUntil = :past")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":past", text("2026-03-01T12:00:00.000Z"))
            .send()
            .await
            .expect("the row can be changed");
    }

    /// Overwrites one attribute of a row; a dot leads into a map. A lease that is made shorter has lasted for long.
    pub async fn set_attribute(&self, table: &str, name: &str, attribute: &str, value: &str) {
        if attribute == "leaseUntil" {
            self.until_lists_are_right().await;
        }
        let path: Vec<String> = (0..attribute.split('.').count()).map(|n| format!("#a{n}")).collect();
        let names = path.iter().cloned().zip(attribute.split('.').map(str::to_owned)).collect();
        self.dynamodb
            .update_item()
            .table_name(self.table(table))
            .key("name", AttributeValue::S(name.to_owned()))
            .update_expression(format!("SET {} = :value", path.join(".")))
            .set_expression_attribute_names(Some(names))
            .expression_attribute_values(":value", AttributeValue::S(value.to_owned()))
            .send()
            .await
            .expect("the row can be changed");
    }

    /// Takes an attribute out of a row.
    pub async fn remove_attribute(&self, table: &str, name: &str, attribute: &str) {
        let update = self.dynamodb.update_item().table_name(self.table(table));
        let update = update.key("name", AttributeValue::S(name.to_owned())).update_expression("REMOVE #attribute");
        let update = update.expression_attribute_names("#attribute", attribute);
        update.send().await.expect("the row can be changed");
    }

    /// Puts an owner's counter in a table.
    pub async fn set_count(&self, table: &str, owner: &str, count: usize) {
        let name = AttributeValue::S(format!("#owner/{owner}"));
        let row = [("name".to_owned(), name), ("count".to_owned(), AttributeValue::N(count.to_string()))];
        self.fill(table, [row.into()]).await;
    }

    /// Invokes a function with an event, through Lambda's own API.
    pub async fn invoke(&self, function: &str, event: impl Into<Bytes>) -> String {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let authorization = self.authorization("lambda");
        let answer = self.aws.send("POST", &path, &[("authorization", authorization.as_str())], event).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    /// Waits until IVS lists the stages, channels and rooms that there are, where its lists may be late: for what comes so
    /// much later that they are not any more.
    async fn until_lists_are_right(&self) {
        let assumed = self.anonymous.get("/_local/assumptions").await.expect(200).json();
        if assumed["lateListings"] == false {
            return;
        }
        eventually("IVS lists the stages, channels and rooms that there are", async || {
            let mut there = BTreeSet::from_iter(self.channels_in_ivs().await);
            there.extend(self.stages_in_ivs().await.into_iter().map(|(_, arn)| arn));
            there.extend(self.rooms_in_ivs().await);
            // A list that is refused, as this asks beside the functions, is asked for again.
            let mut listed = BTreeSet::new();
            let mut pages = self.ivs.list_stages().max_results(100).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.ok()?;
                listed.extend(page.stages().iter().map(|stage| stage.arn().to_owned()));
            }
            let mut pages = self.ivs_low_latency.list_channels().max_results(100).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.ok()?;
                listed.extend(page.channels().iter().filter_map(|channel| channel.arn()).map(str::to_owned));
            }
            let mut pages = self.ivs_chat.list_rooms().into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.ok()?;
                listed.extend(page.rooms().iter().filter_map(|room| room.arn()).map(str::to_owned));
            }
            if listed != there {
                // As often as this, it leaves the functions what IVS takes of lists in a second.
                tokio::time::sleep(Duration::from_millis(500)).await;
                return None;
            }
            Some(())
        })
        .await;
    }

    /// Ends the lease of the claim on a name, if there is one: somebody may be at work on it at the same time.
    pub async fn let_claim_lapse(&self, table: &str, name: &str) {
        // A lease is many seconds.
        self.until_lists_are_right().await;
        let update = self.dynamodb.update_item().table_name(self.table(table));
        let update = update
            .key("name", AttributeValue::S(name.to_owned()))
            .update_expression("SET leaseUntil = :over")
            .condition_expression("attribute_exists(claimId)")
            .expression_attribute_values(":over", AttributeValue::S("2020-01-01T00:00:00.000Z".to_owned()));
        if let Err(error) = update.send().await {
            let error = error.into_service_error();
            assert!(error.is_conditional_check_failed_exception(), "the claim can be made to lapse: {error}");
        }
    }

    /// Has names of a kind recovered, as if their messages had come from the queue: message `m-0` is about the first of
    /// them. Answers what the function did.
    pub async fn recover(&self, kind: &str, names: &[&str]) -> Value {
        let record = |(n, name): (usize, &&str)| {
            json!({
                "messageId": format!("m-{n}"),
                "receiptHandle": format!("handle-{n}"),
                "body": json!({"kind": kind, "name": name}).to_string(),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:{}:000000000000:{}-RecoveryQueue", self.region, self.stack),
                "awsRegion": self.region,
            })
        };
        let records: Vec<Value> = names.iter().enumerate().map(record).collect();
        let answer = self.invoke("RecoveryFunction", json!({"Records": records}).to_string()).await;
        serde_json::from_str(&answer).expect("the function answers with JSON")
    }

    /// The developer's signature under a call, as far as the local cloud looks at it.
    fn authorization(&self, service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=test/20260101/{}/{service}/aws4_request, Signature=0", self.region)
    }

    /// Everything that the functions have written to their logs.
    pub fn log_lines(&self) -> Vec<String> {
        self.cloud.logs().into_iter().map(|line| line.line).collect()
    }

    /// The lines that a function has written about its requests or events.
    pub fn log_of(&self, function: &str) -> Vec<Value> {
        let lines = self.log_lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        lines.filter(|line| line["function"] == function).collect()
    }

    /// What the secrets hold now is secret as well, line by line.
    async fn remember_signing_keys(&self) {
        let listed = self.secrets_manager.list_secrets().send().await.expect("the secrets can be listed");
        for name in listed.secret_list().iter().filter_map(|secret| secret.name()) {
            let Ok(value) = self.secrets_manager.get_secret_value().secret_id(name).send().await else { continue };
            let value: Value = serde_json::from_str(value.secret_string().unwrap_or_default()).unwrap_or_default();
            for line in value["privateKey"].as_str().unwrap_or_default().lines().filter(|line| line.len() > 20) {
                self.is_secret(line);
            }
        }
    }

    /// Every stream key that there is, whether somebody was given it or not: no answer to anybody but its owner has
    /// shown it.
    async fn remember_stream_keys(&self) {
        for row in self.rows("channels").await {
            let owner = row.get("owner").and_then(|owner| owner.as_s().ok());
            let key = row.get("streamKey").and_then(|key| key.as_m().ok()).and_then(|key| key.get("text"));
            if let (Some(owner), Some(Ok(key))) = (owner, key.map(AttributeValue::as_s)) {
                self.is_secret(key);
                self.secrets.check_key(owner, key);
            }
        }
        for channel in self.channels_in_ivs().await {
            let list = self.ivs_low_latency.list_stream_keys().channel_arn(channel);
            let listed = self.at_once(list.send()).await;
            for arn in listed.expect("the keys can be listed").stream_keys().iter().filter_map(|key| key.arn()) {
                let key = self.ivs_low_latency.get_stream_key().arn(arn).send().await.expect("the key can be read");
                self.is_secret(key.stream_key().and_then(|key| key.value()).expect("a key has a value"));
            }
        }
    }

    /// Every resource in IVS belongs to a row, and every row's resource is in IVS, of whichever table.
    ///
    /// # Panics
    /// When one does not.
    async fn nothing_is_orphaned(&self) {
        self.heal().await;
        let reads = ["ListStages", "ListChannels", "ListStreamKeys", "GetStreamKey", "ListRooms"];
        self.quotas(reads.iter().map(|operation| ((*operation).to_owned(), json!(1000))).collect()).await;
        let mut held = BTreeMap::<String, BTreeSet<String>>::new();
        // What a channel has broadcast is remembered for longer than the channel is there.
        for table in self.tables().await.into_iter().filter(|table| table != "streams") {
            for arn in self.arns(&table).await {
                let kind = arn.rsplit(':').next().and_then(|last| last.split('/').next()).unwrap_or_default();
                held.entry(kind.to_owned()).or_default().insert(arn);
            }
        }
        let stages = self.stages_in_ivs().await.into_iter().map(|(_, arn)| arn).collect();
        let channels = self.channels_in_ivs().await.into_iter().collect();
        let rooms = self.rooms_in_ivs().await.into_iter().collect();
        for (kind, there) in [("stage", stages), ("channel", channels), ("room", rooms)] {
            let held = held.remove(kind).unwrap_or_default();
            assert_eq!(held, there, "each {kind} of the tables and each in IVS");
        }
        assert!(held.is_empty(), "tests/src/app.rs lists no such resources in AWS: {held:?}");
    }

    async fn arns(&self, table: &str) -> BTreeSet<String> {
        let rows = self.rows(table).await;
        let arns = rows.iter().filter_map(|row| row.get("arn").and_then(|arn| arn.as_s().ok()).cloned());
        // AWS knows nothing of a self-hosted channel.
        arns.filter(|arn| !arn.starts_with("self-hosted:")).collect()
    }

    /// The ARN of every room in IVS Chat.
    pub async fn rooms_in_ivs(&self) -> Vec<String> {
        self.resources_in_ivs("room").await.into_iter().map(|(_, arn)| arn).collect()
    }

    /// The ARN of every channel in IVS.
    pub async fn channels_in_ivs(&self) -> Vec<String> {
        self.resources_in_ivs("channel").await.into_iter().map(|(_, arn)| arn).collect()
    }
}

/// Whose counter a row is, and what it says.
fn counter(row: &Row) -> Option<(String, usize)> {
    let owner = row.get("name")?.as_s().ok()?.strip_prefix("#owner/")?;
    let count = row["count"].as_n().expect("a number").parse().expect("a number that is not below zero");
    Some((owner.to_owned(), count))
}

/// How long a test waits for what has to come. Two cores that are busy with something else may need many times what
/// they need alone.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(300);

/// Each call as service, operation and which of its kind it is, for a fault that strikes it.
pub fn nth_of_each(made: &[String]) -> Vec<(String, String, usize)> {
    let nth = |index: usize| made[..=index].iter().filter(|call| **call == made[index]).count();
    made.iter()
        .enumerate()
        .map(|(index, call)| {
            let (service, operation) = call.split_once(':').unwrap_or((call, ""));
            (service.to_owned(), operation.to_owned(), nth(index))
        })
        .collect()
}

/// Sends so many requests at once and waits for all of their answers, for as long as any machine should need.
///
/// # Panics
/// When one gets none.
pub async fn concurrently<T, F>(count: usize, request: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let requests: Vec<_> = (0..count).map(|n| tokio::spawn(request(n))).collect();
    let mut answers = Vec::with_capacity(count);
    for request in requests {
        let answer = tokio::time::timeout(WAIT_LIMIT, request).await;
        answers.push(answer.expect("an answer in time").expect("an answer"));
    }
    answers
}

/// Tries until it succeeds, for as long as any machine should need.
///
/// # Panics
/// When it does not.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(result) = Box::pin(attempt()).await {
            return result;
        }
        assert!(started.elapsed() < WAIT_LIMIT, "{what}: not within {} seconds", WAIT_LIMIT.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A directory of a test's own, deleted with it.
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    /// An empty directory under cargo's folder for tests.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("greenroom-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a scratch directory can be made");
        Self(dir)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

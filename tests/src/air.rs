//! What is on air in a test's cloud, and what IVS says of it.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::app::{TestApp, eventually};

/// The channels of a test. Nobody hears of what is on air until the test tells it.
pub struct Air<'a> {
    app: &'a TestApp,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// What IVS calls it.
    pub arn: String,
    /// What viewers play.
    pub playback_url: String,
}

impl Channel {
    /// What stands last in its ARN.
    fn id(&self) -> &str {
        self.arn.rsplit('/').next().expect("an id")
    }

    /// What IVS says of one of its sessions, so many seconds ago: `Stream Start` and the like.
    ///
    /// # Panics
    /// Never: a time has a text.
    #[expect(clippy::disallowed_methods, reason = "the clock of the functions is the system's")]
    pub fn event(&self, name: &str, session: &str, seconds_ago: i64) -> Value {
        let kind = if name.starts_with("Starvation") { "IVS Stream Health Change" } else { "IVS Stream State Change" };
        let at = OffsetDateTime::now_utc() - Duration::seconds(seconds_ago);
        let at = at.replace_nanosecond(0).expect("a whole second").format(&Rfc3339).expect("a time has a text");
        json!({
            "version": "0", "id": "01234567-0123-0123-0123-012345678901", "detail-type": kind, "source": "aws.ivs",
            "account": "000000000000", "time": at, "region": self.arn.split(':').nth(3), "resources": [self.arn],
            "detail": {"event_name": name, "channel_name": self.name, "stream_id": session},
        })
    }

    /// That a session is on air.
    pub fn started(&self, session: &str, seconds_ago: i64) -> Value {
        self.event("Stream Start", session, seconds_ago)
    }

    /// That a session is over.
    pub fn ended(&self, session: &str, seconds_ago: i64) -> Value {
        self.event("Stream End", session, seconds_ago)
    }
}

impl<'a> Air<'a> {
    /// In this cloud.
    ///
    /// # Panics
    /// When what IVS says by itself cannot be lost.
    pub async fn new(app: &'a TestApp) -> Self {
        let lost = json!({"pattern": {"source": ["aws.ivs"]}, "times": null, "fault": {"kind": "lose"}});
        let answer = app.anonymous().put("/_local/events/faults", lost).await;
        assert!((200..300).contains(&answer.status), "{}", answer.text);
        // A test makes channels as fast as it likes.
        app.quotas(json!({"CreateChannel": 1000, "ListStreams": 1000, "BatchGetChannel": 1000})).await;
        Self { app }
    }

    /// A channel of Alice's.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn channel(&self, name: &str, options: Value) -> Channel {
        let channel = self.app.user("alice").put(&format!("/channels/{name}"), options).await.expect(201).json();
        let text = |field: &str| channel[field].as_str().expect("a text").to_owned();
        Channel { name: name.to_owned(), arn: text("arn"), playback_url: text("playbackUrl") }
    }

    /// Begins a broadcast, and answers its session.
    ///
    /// # Panics
    /// When there is no such channel.
    pub async fn begin(&self, channel: &Channel) -> String {
        let path = format!("/_local/channels/{}/live", channel.id());
        let stream = self.app.anonymous().put(&path, json!({"viewerCount": 3})).await.expect(200).json();
        // As `GetStream` answers it, or the stream itself.
        let id = stream["streamId"].as_str().or(stream["stream"]["streamId"].as_str());
        id.unwrap_or_else(|| panic!("{stream}")).to_owned()
    }

    /// Ends a broadcast.
    pub async fn end(&self, channel: &Channel) {
        self.app.anonymous().delete(&format!("/_local/channels/{}/live", channel.id())).await;
    }

    /// Tells the stream tracker events, one after the other, each of which has to be handled.
    ///
    /// # Panics
    /// When one is not.
    pub async fn tell(&self, events: impl IntoIterator<Item = Value>) {
        for event in events {
            assert_eq!(self.app.invoke("StreamTrackerFunction", event.to_string()).await, "null", "{event}");
        }
    }

    /// Tells the stream tracker events at once, again as long as one is not handled, as Lambda does.
    pub async fn tell_at_once(&self, events: impl IntoIterator<Item = Value>) {
        let told = events.into_iter().map(async |event| {
            eventually("the event is handled", async || {
                let answer = self.app.invoke("StreamTrackerFunction", event.to_string()).await;
                (answer == "null").then_some(())
            })
            .await;
        });
        join_all(told).await;
    }

    /// Runs the reconciler as its schedule of the minute does, and answers whether it succeeded.
    ///
    /// # Panics
    /// When there is no such schedule.
    pub async fn reconcile(&self) -> bool {
        let path = "/_local/schedules/ReconcilerFunction.EveryMinute/run";
        self.app.anonymous().post(path, json!(null)).await.expect(200).json()["ok"] == true
    }

    /// Runs it until a run succeeds: on a busy machine, a call may take longer than the function waits for it.
    ///
    /// # Panics
    /// When none does.
    pub async fn reconciled(&self) {
        eventually("the reconciler succeeds", async || self.reconcile().await.then_some(())).await;
    }

    /// What anybody is told of a channel.
    pub async fn of(&self, channel: &Channel) -> Value {
        self.app.anonymous().get(&format!("/streams/{}", channel.name)).await.expect(200).json()
    }

    /// What `GET /streams` lists, page by page.
    ///
    /// # Panics
    /// When a page has no items.
    pub async fn listed(&self, limit: usize) -> Vec<Value> {
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.app.anonymous().get(&format!("/streams?limit={limit}{cursor}")).await.expect(200).json();
            listed.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return listed,
            }
        }
    }

    /// The session of each channel on the list.
    ///
    /// # Panics
    /// When a channel is listed twice, or without its session.
    pub async fn sessions(&self) -> BTreeMap<String, String> {
        let mut sessions = BTreeMap::new();
        for stream in self.listed(100).await {
            let text = |field: &str| stream[field].as_str().expect("a text").to_owned();
            assert!(sessions.insert(text("channel"), text("session")).is_none(), "{stream} is listed twice");
        }
        sessions
    }
}

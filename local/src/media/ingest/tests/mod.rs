//! Encoders against the ingest server, in one process and in time that passes only while nobody has anything to do.

mod encoder;
mod end;
mod publish;
mod refusal;
mod takeover;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use self::encoder::{Encoder, Said};
use super::{Ingest, Limits, connection};
use crate::aws::{Ivs, Service};
use crate::plumbing::clock;
use crate::program::log::{Lines, Log};

/// An ingest server with one channel.
struct Studio {
    ingest: Arc<Ingest>,
    channel: Value,
    key: String,
    told: Arc<Mutex<Vec<Value>>>,
    calls: AtomicI64,
}

impl Studio {
    fn new() -> Self {
        Self::with(json!({"name": "demo"}))
    }

    fn with(channel: Value) -> Self {
        let ivs = Arc::new(Ivs::open("eu-central-1", None).unwrap());
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let sink = Arc::clone(&told);
        ivs.on_air().tell(Arc::new(move |event, _| sink.lock().unwrap().push(Value::Object(event))));
        let created = ivs.call("CreateChannel", &channel, clock::now()).unwrap();
        let lines = Arc::new(Lines::new(Log::Collect, Arc::default()));
        let ingest = Ingest::new(ivs, Arc::default(), Limits::default(), false, lines);
        let key = created["streamKey"]["value"].as_str().unwrap().to_owned();
        Self { ingest: Arc::new(ingest), channel: created["channel"].clone(), key, told, calls: AtomicI64::new(1) }
    }

    fn call(&self, operation: &str, input: Value) -> Result<Value, &'static str> {
        // Each a second after the one before, for the sake of the rates.
        let at = clock::now() + time::Duration::seconds(self.calls.fetch_add(1, Ordering::Relaxed));
        self.ingest.ivs.call(operation, &input, at).map_err(|error| error.code)
    }

    /// An encoder that has asked to publish by RTMPS with this key, and perhaps a query.
    fn encoder(&self, key: &str) -> Encoder {
        self.connect(key, true)
    }

    fn connect(&self, key: &str, is_secure: bool) -> Encoder {
        let (near, far) = tokio::io::duplex(256 << 10);
        let ingest = Arc::clone(&self.ingest);
        tokio::spawn(async move { connection::drive(&ingest, far, is_secure).await });
        Encoder::new(near, key)
    }

    /// An encoder on air, whose broadcast can be watched.
    async fn on_air(&self) -> Encoder {
        let mut encoder = self.encoder(&self.key);
        assert_eq!(encoder.hear().await, Said::Published);
        encoder.send_media().await;
        self.until(|| self.stream().is_some()).await;
        encoder
    }

    /// What `GetStream` answers for a channel on air.
    fn stream(&self) -> Option<Value> {
        match self.call("GetStream", json!({"channelArn": self.channel["arn"]})) {
            Ok(answer) => Some(answer["stream"].clone()),
            Err(code) => {
                assert_eq!(code, "ChannelNotBroadcasting");
                None
            }
        }
    }

    /// The names of the events so far.
    fn told(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let name = |event: &Value| {
            let detail = &event["detail"];
            detail["event_name"].as_str().or(detail["limit_name"].as_str()).unwrap_or_default().to_owned()
        };
        told.iter().map(name).collect()
    }

    /// Waits for what must come about, in time that passes by itself.
    async fn until(&self, holds: impl Fn() -> bool) {
        let wait = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(60), wait).await;
        assert!(came.is_ok(), "told: {:?}, logged: {:?}", self.told(), self.logged());
    }

    async fn until_told(&self, events: &[&str]) {
        self.until(|| self.told() == events).await;
    }

    fn logged(&self) -> Vec<String> {
        self.ingest.lines.collected().into_iter().map(|line| line.line).collect()
    }
}

//! Who comes on air, who takes over, and what is told of it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::{
    Admission, Attempt, AudioTrack, Contender, LastHeard, Order, Publisher, Refusal, Seat, Tracks, VideoTrack,
};
use super::*;

pub(super) const ALWAYS: std::time::Duration = std::time::Duration::MAX;
pub(super) const NEVER: std::time::Duration = std::time::Duration::ZERO;

/// A channel, and what was told of it.
pub(super) struct Studio {
    pub(super) service: Ivs,
    pub(super) channel: Value,
    key: String,
    pub(super) told: Arc<Mutex<Vec<Value>>>,
}

impl Studio {
    pub(super) fn new(channel: Value) -> Self {
        let service = empty();
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let sink = Arc::clone(&told);
        service.on_air().tell(Arc::new(move |event, _| sink.lock().unwrap().push(Value::Object(event))));
        let (channel, key) = create(&service, channel);
        let key = key["value"].as_str().unwrap().to_owned();
        Self { service, channel, key, told }
    }

    pub(super) fn admit(
        &self,
        priority: Option<&str>,
        grace: std::time::Duration,
    ) -> (Result<Admission, Refusal>, UnboundedReceiver<Order>) {
        let (orders, received) = unbounded_channel();
        let publisher = Publisher { orders, last_heard: LastHeard::new() };
        let attempt = Attempt { key: &self.key, priority, is_secure: true, grace };
        (self.service.admit(&attempt, publisher, NOW), received)
    }

    pub(super) fn begin(&self, priority: Option<&str>) -> (Seat, UnboundedReceiver<Order>) {
        match self.admit(priority, ALWAYS) {
            (Ok(Admission::Begun(seat)), orders) => (seat, orders),
            (other, _) => panic!("{:?}", other.err()),
        }
    }

    /// An encoder that has come in beside the one on air.
    pub(super) fn contend(&self, priority: &str) -> (Contender, UnboundedReceiver<Order>) {
        match self.admit(Some(priority), ALWAYS) {
            (Ok(Admission::Contends(contender)), orders) => (contender, orders),
            _ => panic!("it does not contend"),
        }
    }

    pub(super) fn get(&self) -> Value {
        call(&self.service, "GetStream", json!({"channelArn": self.channel["arn"]}))["stream"].clone()
    }

    pub(super) fn is_offline(&self) -> bool {
        let answer = self.service.call("GetStream", &json!({"channelArn": self.channel["arn"]}), NOW);
        answer.is_err_and(|error| (error.status, error.code) == NOT_BROADCASTING)
    }

    fn session(&self) -> Value {
        call(&self.service, "GetStreamSession", json!({"channelArn": self.channel["arn"]}))["streamSession"].clone()
    }

    /// The names of the events so far, which are forgotten.
    pub(super) fn told(&self) -> Vec<String> {
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        told.iter()
            .map(|event| {
                let detail = &event["detail"];
                let name = detail["event_name"].as_str().or(detail["limit_name"].as_str()).unwrap();
                format!("{name} {}", detail["code"].as_str().unwrap_or_default()).trim().to_owned()
            })
            .collect()
    }
}

pub(super) fn avc(width: u32, height: u32) -> Tracks {
    let video = VideoTrack { codec: "avc1.64001F".to_owned(), width, height, ..VideoTrack::default() };
    let audio = AudioTrack { codec: "mp4a.40.2".to_owned(), sample_rate: 48_000, channels: 2, bitrate: 128_000 };
    Tracks { video: Some(video), audio: Some(audio) }
}

#[test]
fn a_broadcast_is_told_from_its_session_to_its_end() {
    let studio = Studio::new(json!({"name": "demo"}));
    let (seat, _orders) = studio.begin(None);
    assert!(studio.is_offline(), "nothing can be watched yet");
    assert_eq!(code(&studio.service, "DeleteChannel", json!({"arn": studio.channel["arn"]})), CONFLICT);
    let on_air = studio.service.on_air();
    on_air.start(&seat, NOW);
    on_air.start(&seat, NOW);
    on_air.count_viewers(&seat, 7);
    assert_eq!((&studio.get()["streamId"], &studio.get()["viewerCount"]), (&json!(seat.stream_id()), &json!(7)));
    on_air.starve(&seat, true, NOW);
    assert_eq!(studio.get()["health"], "STARVING");
    on_air.starve(&seat, true, NOW);
    on_air.starve(&seat, false, NOW);
    on_air.leave(&seat, NOW + Duration::minutes(1), || ());
    on_air.leave(&seat, NOW + Duration::minutes(2), || ());
    assert!(studio.is_offline());
    let first = studio.told.lock().unwrap()[1].clone();
    assert_eq!(
        first,
        json!({
            "source": "aws.ivs",
            "detail-type": "IVS Stream State Change",
            "resources": [studio.channel["arn"]],
            "detail": {"event_name": "Stream Start", "channel_name": "demo", "stream_id": seat.stream_id()},
        })
    );
    let expected =
        ["Session Created", "Stream Start", "Starvation Start", "Starvation End", "Session Ended", "Stream End"];
    assert_eq!(studio.told(), expected);
    let session = studio.session();
    let names: Vec<_> =
        session["truncatedEvents"].as_array().unwrap().iter().rev().map(|event| &event["name"]).collect();
    assert_eq!(names, expected);
    assert_eq!(
        (&session["startTime"], &session["endTime"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("2026-01-01T00:01:00Z"))
    );
    assert_eq!(session["channel"], studio.channel);
}

#[test]
fn a_session_in_which_nothing_was_watched_has_no_stream() {
    let studio = Studio::new(json!({}));
    let (seat, _orders) = studio.begin(None);
    studio.service.on_air().leave(&seat, NOW, || ());
    assert_eq!(studio.told(), ["Session Created", "Session Ended"]);
}

#[test]
fn only_a_current_key_and_a_secure_connection_come_in() {
    let studio = Studio::new(json!({}));
    let (orders, _received) = unbounded_channel();
    let attempt = |key: &str, is_secure: bool| {
        let publisher = Publisher { orders: orders.clone(), last_heard: LastHeard::new() };
        let attempt = Attempt { key, priority: None, is_secure, grace: ALWAYS };
        studio.service.admit(&attempt, publisher, NOW).err()
    };
    for key in ["", "sk_none", &studio.key[1..]] {
        assert_eq!(attempt(key, true), Some(Refusal::UnknownKey), "{key}");
    }
    assert_eq!(attempt(&studio.key, false), Some(Refusal::Insecure));
    call(&studio.service, "UpdateChannel", json!({"arn": studio.channel["arn"], "insecureIngest": true}));
    assert_eq!(attempt(&studio.key, false), None);
    assert_eq!(studio.told(), ["Session Created"]);
}

#[test]
fn the_place_of_an_encoder_that_is_not_heard_any_more_is_free() {
    let studio = Studio::new(json!({}));
    let (first, mut orders) = studio.begin(Some("9"));
    let Ok(Admission::Begun(second)) = studio.admit(None, NEVER).0 else { panic!() };
    assert_ne!(first.stream_id(), second.stream_id());
    assert_eq!(orders.try_recv(), Ok(Order::Stop));
    assert_eq!(studio.told(), ["Session Created", "Session Ended", "Session Created"]);
}

#[test]
fn the_place_of_an_encoder_whose_connection_is_closed_is_free() {
    let studio = Studio::new(json!({}));
    drop(studio.begin(None).1);
    studio.begin(None);
    assert_eq!(studio.told(), ["Session Created", "Session Ended", "Session Created"]);
}

#[test]
fn an_encoder_takes_the_place_of_a_broadcast_without_media() {
    let studio = Studio::new(json!({}));
    go_live(&studio.service, &studio.channel);
    studio.begin(None);
    assert_eq!(studio.told(), ["Session Created", "Stream Start", "Session Ended", "Stream End", "Session Created"]);
}

#[test]
fn a_stop_ends_the_stream_and_sends_the_encoder_away() {
    let studio = Studio::new(json!({}));
    let (seat, mut orders) = studio.begin(None);
    studio.service.on_air().start(&seat, NOW);
    call(&studio.service, "StopStream", json!({"channelArn": studio.channel["arn"]}));
    assert_eq!(orders.try_recv(), Ok(Order::Stop));
    assert!(studio.is_offline());
    studio.service.on_air().leave(&seat, NOW, || ());
    assert_eq!(studio.told(), ["Session Created", "Stream Start", "Session Ended", "Stream End"]);
    studio.begin(None);
}

#[test]
fn a_reset_sends_everyone_away_without_a_word() {
    let studio = Studio::new(json!({}));
    let (seat, mut orders) = studio.begin(None);
    studio.told();
    crate::aws::service::Service::reset(&studio.service);
    assert_eq!(orders.try_recv(), Ok(Order::Stop));
    studio.service.on_air().leave(&seat, NOW, || ());
    assert_eq!(studio.told(), Vec::<String>::new());
}

#[test]
fn metadata_reach_the_encoders_connection_five_times_a_second() {
    let studio = Studio::new(json!({}));
    let (seat, mut orders) = studio.begin(None);
    let put = |text: &str| json!({"channelArn": studio.channel["arn"], "metadata": text});
    assert_eq!(code(&studio.service, "PutMetadata", put("early")), NOT_BROADCASTING);
    studio.service.on_air().start(&seat, NOW);
    for number in 0..5 {
        call(&studio.service, "PutMetadata", put(&number.to_string()));
        assert_eq!(orders.try_recv(), Ok(Order::Metadata(number.to_string())));
    }
    assert_eq!(code(&studio.service, "PutMetadata", put("more")), THROTTLED);
    assert!(studio.service.call("PutMetadata", &put("later"), NOW + Duration::seconds(1)).is_ok());
}

#[test]
fn a_breach_of_the_channels_limits_is_told_with_its_figures() {
    let studio = Studio::new(json!({"name": "demo", "type": "BASIC"}));
    let (seat, _orders) = studio.begin(None);
    let on_air = studio.service.on_air();
    on_air.describe(&seat, avc(640, 360));
    assert!(!on_air.breaches(&seat, 1_500_000, NOW));
    assert!(on_air.breaches(&seat, 2_000_000, NOW));
    let told = studio.told.lock().unwrap().pop().unwrap();
    assert_eq!(told["detail-type"], "IVS Limit Breach");
    assert_eq!(
        told["detail"],
        json!({
            "limit_name": "Ingest Bitrate",
            "limit_value": 1_500_000,
            "exceeded_by": 500_000,
            "limit_unit": "bits per second",
            "channel_name": "demo",
            "stream_id": seat.stream_id(),
        })
    );
    let sessions = call(&studio.service, "ListStreamSessions", json!({"channelArn": studio.channel["arn"]}));
    assert_eq!(sessions["streamSessions"][0]["hasErrorEvent"], true);
}

#[test]
fn sessions_are_listed_latest_first_and_found_by_their_id() {
    let studio = Studio::new(json!({}));
    let arn = &studio.channel["arn"];
    assert_eq!(code(&studio.service, "GetStreamSession", json!({"channelArn": arn})), NOT_FOUND);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (seat, _orders) = studio.begin(None);
        studio.service.on_air().describe(&seat, avc(1280, 720));
        studio.service.on_air().leave(&seat, NOW, || ());
        ids.insert(0, json!(seat.stream_id()));
    }
    let listed =
        walk(&studio.service, "ListStreamSessions", json!({"channelArn": arn, "maxResults": 2}), "streamSessions");
    assert_eq!(listed.iter().map(|session| &session["streamId"]).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    assert_eq!(studio.session()["streamId"], ids[0]);
    let oldest = call(&studio.service, "GetStreamSession", json!({"channelArn": arn, "streamId": ids[2]}));
    let ingest = &oldest["streamSession"]["ingestConfiguration"];
    assert_eq!((&ingest["video"]["videoWidth"], &ingest["audio"]["channels"]), (&json!(1280), &json!(2)));
    let unknown = json!({"channelArn": arn, "streamId": "st-".to_owned() + &"a".repeat(23)});
    assert_eq!(code(&studio.service, "GetStreamSession", unknown), NOT_FOUND);
    let short = json!({"channelArn": arn, "streamId": "st-1"});
    assert_eq!(code(&studio.service, "GetStreamSession", short), VALIDATION);
}

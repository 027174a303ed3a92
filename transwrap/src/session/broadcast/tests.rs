use std::net::SocketAddr;

use aws_broadcast::{BroadcastTable, IngestTargets};
use aws_client::{Aws, AwsConfig, Trust};
use aws_credential_types::Credentials;
use model::broadcast::{IssuedTicket, LEASE, Ticket};
use model::{AttemptId, BroadcastId};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::session::Roster;

#[test]
fn a_broadcast_ends_for_a_target_that_is_gone_and_not_for_one_that_cannot_be_had_just_now() {
    let refused = NotBegun::Ends(EndReason::TargetRefused);
    assert_eq!(NotBegun::of(&Error::NotFound("channel")), refused);
    let again = NotBegun::Closed(Close::Internal);
    assert_eq!(NotBegun::of(&Error::Busy { resource: "stream key", retry_after: COMES_BACK }), again);
    assert_eq!(NotBegun::of(&Error::unavailable("slow")), again);
}

/// A broadcast whose table and whose ingest take connections, and never answer.
fn unanswered(deaf: SocketAddr, outputs: mpsc::Sender<Output>) -> Broadcast {
    let aws = Aws::new(AwsConfig {
        region: "eu-west-1".to_owned(),
        credentials: Credentials::new("test", "test", None, None, "test"),
        endpoint: Some(format!("http://{deaf}")),
        endpoints: [].into(),
        trust: Trust::System,
    });
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_root_certificates(RootCertStore::empty());
    let shared = Shared {
        server: "task".parse().unwrap(),
        table: BroadcastTable::new(&aws, "broadcasts".to_owned()),
        targets: IngestTargets::new(&aws, "channels".to_owned(), "settings".to_owned()),
        tls: Arc::new(tls.with_no_client_auth()),
        ffmpeg: "ffmpeg".into(),
        roster: Arc::new(Roster::new(1)),
    };
    let target = Target {
        url: format!("rtmp://{deaf}/app"),
        key: StreamKey::new("key".to_owned()),
        trusted: true,
        priority: None,
        takes_over: false,
    };
    let options = Options { target, tls: Arc::clone(&shared.tls), ffmpeg: shared.ffmpeg.clone() };
    let (pipeline, _) = Pipeline::start(options).unwrap();
    let now = Timestamp::now();
    let id = BroadcastId::random().unwrap();
    let ticket = IssuedTicket { hash: Ticket::draw(&id).unwrap().hash(), expires_at: now, server: None };
    let redemption = Redemption {
        attempt: AttemptId::random().unwrap(),
        redeemed_at: now,
        server: shared.server.clone(),
        lease_until: now + LEASE,
    };
    let row = BroadcastRow::new(id, "alice".parse().unwrap(), model::broadcast::Target::Settings, false, ticket, now);
    let lease = Lease::of(&redemption, now);
    Broadcast::new(&Arc::new(shared), Box::new(row), Browser { redemption, outputs }, lease, Arc::new(pipeline))
}

/// What the browser hears last of a broadcast that these happen to, and that can then not renew its lease.
async fn last_word(happen: impl IntoIterator<Item = Event>) -> Output {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (outputs, mut to_browser) = mpsc::channel(100);
    let (events, to_read) = mpsc::unbounded_channel();
    let (_commands, received) = mpsc::channel(1);
    for event in happen {
        events.send(event).unwrap();
    }
    let broadcast = unanswered(deaf.local_addr().unwrap(), outputs);
    let place = broadcast.shared.roster.reserve().unwrap();
    broadcast.run(place, received, to_read).await;
    let mut last = None;
    while let Some(output) = to_browser.recv().await {
        last = Some(output);
    }
    last.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_server_without_ffmpeg_does_not_blame_the_recordings() {
    let failed = |failure| std::iter::repeat_with(move || Event::RecordingFailed(failure)).take(4);
    let closed = last_word(failed(RecordingFailure::NotStarted)).await;
    assert!(matches!(closed, Output::Close(Close::Internal)), "{closed:?}");
    let closed = last_word(failed(RecordingFailure::Ended)).await;
    assert!(matches!(closed, Output::Close(Close::UnusableMedia)), "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_renew_its_lease_stops_before_it_lapses_and_connects_to_no_ingest_until_then() {
    let (go, mut allowed) = oneshot::channel();
    let begun = tokio::time::Instant::now();
    let last = last_word([Event::Reconnecting { attempt: 1, go }]).await;
    assert_eq!(begun.elapsed().as_secs(), LEASE.as_secs() - 1, "it goes on for as long as it may");
    assert_eq!(allowed.try_recv(), Err(TryRecvError::Closed));
    assert!(matches!(last, Output::Close(Close::Internal)), "{last:?}");
}

//! Another encoder in the place of the one on air.

use super::super::{Admission, Order, Refusal, TakeoverFailure, Tracks};
use super::on_air::{ALWAYS, Studio, avc};
use super::*;

#[test]
fn a_second_encoder_without_a_higher_priority_is_refused() {
    let studio = Studio::new(json!({}));
    let (seat, mut orders) = studio.begin(Some("5"));
    studio.service.on_air().start(&seat, NOW);
    studio.told();
    assert_eq!(studio.admit(None, ALWAYS).0.err(), Some(Refusal::OnAir));
    assert_eq!(studio.told(), Vec::<String>::new());
    for priority in ["5", "4", "0", "-1", "2147483648", "x", ""] {
        let refusal = Refusal::Takeover(TakeoverFailure::InvalidPriority);
        assert_eq!(studio.admit(Some(priority), ALWAYS).0.err(), Some(refusal), "{priority}");
        assert_eq!(studio.told(), ["Stream Takeover Failure StreamTakeoverInvalidPriority"]);
    }
    assert!(orders.try_recv().is_err());
    assert_eq!(studio.get()["streamId"], seat.stream_id());
}

#[test]
fn an_encoder_of_a_higher_priority_takes_over_with_the_same_media() {
    let studio = Studio::new(json!({}));
    let on_air = studio.service.on_air();
    let (first, mut orders) = studio.begin(None);
    on_air.describe(&first, avc(1280, 720));
    on_air.start(&first, NOW);
    studio.told();
    let take_over = |contender, tracks| studio.service.take_over(contender, &tracks, NOW);
    let other = take_over(studio.contend("1").0, avc(640, 360)).err();
    assert_eq!(other, Some(Refusal::Takeover(TakeoverFailure::MediaMismatch)));
    let (contender, _new_orders) = studio.contend("1");
    let second = take_over(contender, avc(1280, 720)).unwrap();
    assert_eq!(second.stream_id(), first.stream_id());
    assert_eq!(orders.try_recv(), Ok(Order::Stop));
    assert_eq!(studio.told(), ["Stream Takeover Failure StreamTakeoverMediaMismatch", "Stream Takeover"]);
    // What is left of the first one ends nothing.
    on_air.leave(&first, NOW, || ());
    on_air.starve(&first, true, NOW);
    assert_eq!(studio.get()["health"], "HEALTHY");
    on_air.leave(&second, NOW, || ());
    assert_eq!(studio.told(), ["Session Ended", "Stream End"]);
}

#[test]
fn a_late_contender_takes_the_place_of_nobody_whose_priority_is_not_below_its_own() {
    let studio = Studio::new(json!({}));
    let (first, _orders) = studio.begin(None);
    let (contender, _contender_orders) = studio.contend("2");
    studio.service.on_air().leave(&first, NOW, || ());
    let (between, mut orders) = studio.begin(Some("9"));
    studio.told();
    let refused = studio.service.take_over(contender, &Tracks::default(), NOW).err();
    assert_eq!(refused, Some(Refusal::Takeover(TakeoverFailure::InvalidPriority)));
    assert!(orders.try_recv().is_err());
    studio.service.on_air().start(&between, NOW);
    assert_eq!(studio.told(), ["Stream Takeover Failure StreamTakeoverInvalidPriority", "Stream Start"]);
}

#[test]
fn a_contender_whose_stream_has_ended_has_one_of_its_own() {
    let studio = Studio::new(json!({}));
    let (first, _orders) = studio.begin(None);
    let (contender, _contender_orders) = studio.contend("2");
    studio.service.on_air().leave(&first, NOW, || ());
    let second = studio.service.take_over(contender, &Tracks::default(), NOW).unwrap();
    assert_ne!(first.stream_id(), second.stream_id());
    assert_eq!(studio.told(), ["Session Created", "Session Ended", "Session Created"]);
}

#[test]
fn a_contender_needs_a_key_and_a_channel_until_it_is_on_air() {
    let deletions: [fn(&Studio); 3] = [
        |studio| crate::aws::service::Service::reset(&studio.service),
        |studio| {
            call(&studio.service, "StopStream", json!({"channelArn": studio.channel["arn"]}));
            call(&studio.service, "DeleteChannel", json!({"arn": studio.channel["arn"]}));
        },
        |studio| {
            let listed = call(&studio.service, "ListStreamKeys", json!({"channelArn": studio.channel["arn"]}));
            call(&studio.service, "DeleteStreamKey", json!({"arn": listed["streamKeys"][0]["arn"]}));
            call(&studio.service, "CreateStreamKey", json!({"channelArn": studio.channel["arn"]}));
        },
    ];
    for delete in deletions {
        let studio = Studio::new(json!({}));
        let (_first, _orders) = studio.begin(None);
        let (contender, _contender_orders) = studio.contend("2");
        delete(&studio);
        studio.told();
        let refused = studio.service.take_over(contender, &Tracks::default(), NOW).err();
        assert_eq!(refused, Some(Refusal::UnknownKey));
        assert_eq!(studio.told(), Vec::<String>::new());
    }
}

#[test]
fn sound_alone_does_not_go_on_with_a_picture() {
    let studio = Studio::new(json!({}));
    let (first, _orders) = studio.begin(None);
    studio.service.on_air().describe(&first, avc(1280, 720));
    let sound = Tracks { video: None, ..avc(1280, 720) };
    let refused = studio.service.take_over(studio.contend("2").0, &sound, NOW).err();
    assert_eq!(refused, Some(Refusal::Takeover(TakeoverFailure::MediaMismatch)));
}

#[test]
fn a_stream_that_starves_is_healthy_with_another_encoder() {
    let studio = Studio::new(json!({}));
    let (first, _orders) = studio.begin(None);
    studio.service.on_air().start(&first, NOW);
    studio.service.on_air().starve(&first, true, NOW);
    studio.told();
    let (contender, _contender_orders) = studio.contend("2");
    studio.service.take_over(contender, &Tracks::default(), NOW).unwrap();
    assert_eq!(studio.told(), ["Stream Takeover", "Starvation End"]);
    assert_eq!(studio.get()["health"], "HEALTHY");
}

#[test]
fn what_is_played_ends_before_anybody_is_told_and_only_with_the_place() {
    let studio = Studio::new(json!({}));
    let (first, _orders) = studio.begin(None);
    let (contender, _contender_orders) = studio.contend("2");
    let second = studio.service.take_over(contender, &Tracks::default(), NOW).unwrap();
    let before = studio.told.lock().unwrap().len();
    let on_air = studio.service.on_air();
    assert!(!on_air.leave(&first, NOW, || panic!("another encoder has the place")));
    let mut told_then = None;
    assert!(on_air.leave(&second, NOW, || told_then = Some(studio.told.lock().unwrap().len())));
    assert_eq!(told_then, Some(before));
}

#[test]
fn a_stream_is_taken_over_a_hundred_times_at_most() {
    let studio = Studio::new(json!({}));
    let mut connections = vec![studio.begin(None).1];
    for priority in 1..=100 {
        let (admission, orders) = studio.admit(Some(&priority.to_string()), ALWAYS);
        let Ok(Admission::Contends(contender)) = admission else { panic!() };
        connections.push(orders);
        assert!(studio.service.take_over(contender, &Tracks::default(), NOW).is_ok());
    }
    let refusal = Refusal::Takeover(TakeoverFailure::LimitBreached);
    assert_eq!(studio.admit(Some("101"), ALWAYS).0.err(), Some(refusal));
}

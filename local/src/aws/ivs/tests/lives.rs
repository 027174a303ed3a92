//! Any lives of encoders of one channel, and what is told of them.

use proptest::prelude::*;
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::super::{Admission, Contender, Order, Seat, Tracks};
use super::on_air::{ALWAYS, NEVER, Studio};
use super::*;

/// What may happen to a channel.
#[derive(Debug, Clone)]
enum Step {
    /// An encoder comes, with a priority or none; the one on air may not have been heard for long.
    Come(Option<u32>, bool),
    /// Of the encoders that contend, this one's media are known.
    TakeOver(usize),
    /// The encoder that came as this one, of those that came in, does something.
    Leave(usize),
    Start(usize),
    Starve(usize, bool),
    Disconnect(usize),
    Stop,
    Pretend,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..4_usize;
    let step = prop_oneof![
        3 => (prop::option::of(1..6_u32), any::<bool>()).prop_map(|(priority, silent)| Step::Come(priority, silent)),
        2 => which.clone().prop_map(Step::TakeOver),
        2 => which.clone().prop_map(Step::Leave),
        2 => which.clone().prop_map(Step::Start),
        1 => (which.clone(), any::<bool>()).prop_map(|(which, starves)| Step::Starve(which, starves)),
        1 => which.prop_map(Step::Disconnect),
        1 => Just(Step::Stop),
        1 => Just(Step::Pretend),
    ];
    prop::collection::vec(step, 0..40)
}

/// Whether these are the events of one stream, from its first on.
fn is_a_life(events: &[&str]) -> bool {
    let mut live = false;
    let mut starves = false;
    for (at, event) in events.iter().enumerate() {
        let fits = match *event {
            "Session Created" => at == 0,
            "Stream Start" => at > 0 && !std::mem::replace(&mut live, true),
            "Starvation Start" => at > 0 && !std::mem::replace(&mut starves, true),
            "Starvation End" => std::mem::replace(&mut starves, false),
            "Stream Takeover" | "Stream Takeover Failure" => at > 0,
            "Session Ended" => return events[at + 1..] == ["Stream End"][usize::from(!live)..],
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    true
}

proptest! {
    #[test]
    fn whatever_encoders_do_each_stream_has_one_life_and_a_channel_one_stream(steps in steps()) {
        let studio = Studio::new(json!({}));
        let on_air = studio.service.on_air();
        // Those that came in, with their connections.
        let mut came: Vec<(Seat, Option<UnboundedReceiver<Order>>)> = Vec::new();
        let mut contending: Vec<(Contender, UnboundedReceiver<Order>)> = Vec::new();
        for step in steps {
            let before = studio.told.lock().unwrap().len();
            match step.clone() {
                Step::Come(priority, silent) => {
                    let priority = priority.map(|priority| priority.to_string());
                    let (admission, orders) = studio.admit(priority.as_deref(), if silent { NEVER } else { ALWAYS });
                    match admission {
                        Ok(Admission::Begun(seat)) => came.push((seat, Some(orders))),
                        Ok(Admission::Contends(contender)) => contending.push((contender, orders)),
                        Err(_) => {}
                    }
                }
                Step::TakeOver(which) => {
                    if which < contending.len() {
                        let (contender, orders) = contending.remove(which);
                        if let Ok(seat) = studio.service.take_over(contender, &Tracks::default(), NOW) {
                            came.push((seat, Some(orders)));
                        }
                    }
                }
                Step::Leave(which) => {
                    if let Some((seat, _)) = came.iter().nth_back(which) {
                        on_air.leave(seat, NOW, || ());
                    }
                }
                Step::Start(which) => {
                    if let Some((seat, _)) = came.iter().nth_back(which) {
                        on_air.start(seat, NOW);
                    }
                }
                Step::Starve(which, starves) => {
                    if let Some((seat, _)) = came.iter().nth_back(which) {
                        on_air.starve(seat, starves, NOW);
                    }
                }
                Step::Disconnect(which) => {
                    if let Some((_, orders)) = came.iter_mut().nth_back(which) {
                        *orders = None;
                    }
                }
                Step::Stop => {
                    let _ = studio.service.call("StopStream", &json!({"channelArn": studio.channel["arn"]}), NOW);
                }
                Step::Pretend => {
                    go_live(&studio.service, &studio.channel);
                }
            }
            let told = studio.told.lock().unwrap().clone();
            if let Step::Leave(which) | Step::Start(which) | Step::Starve(which, _) = step
                && which > 0
            {
                prop_assert_eq!(told.len(), before, "the last to come has the place, and nobody else says anything");
            }
            let mut lives: Vec<(&str, Vec<&str>)> = Vec::new();
            for event in &told {
                let detail = &event["detail"];
                let (id, name) = (detail["stream_id"].as_str().unwrap(), detail["event_name"].as_str().unwrap());
                match lives.iter_mut().find(|(stream, _)| *stream == id) {
                    Some((_, events)) => events.push(name),
                    None => lives.push((id, vec![name])),
                }
            }
            for (_, events) in &lives {
                prop_assert!(is_a_life(events), "{events:?}");
            }
            let under_way = lives.iter().filter(|(_, events)| !events.contains(&"Session Ended"));
            prop_assert!(under_way.count() <= 1);
            let watched = lives.last().is_some_and(|(_, events)| {
                events.contains(&"Stream Start") && !events.contains(&"Session Ended")
            });
            prop_assert_eq!(studio.is_offline(), !watched);
        }
    }
}

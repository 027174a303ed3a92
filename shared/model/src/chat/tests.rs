//! The rules, case by case and for any history.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::Denial;
use crate::participant::{Access, Capabilities, Grant};
use crate::stage::{Admission, Doors};
use crate::{Error, Timestamp, UserId};

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn name(text: &str) -> DisplayName {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is refused"))
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn bob() -> ChatUser {
    let arn = "arn:aws:ivschat:us-east-1:000000000000:room/abcdefghijkl".parse().unwrap();
    ChatUser::unknown("stage/demo".parse().unwrap(), arn, user("bob"))
}

const MUTED: Standing = Standing { moderator: false, muted: true, removed: false };
const REMOVED: Standing = Standing { moderator: false, muted: false, removed: true };
const MODERATOR: Standing = Standing { moderator: true, muted: false, removed: false };

#[test]
fn who_gets_a_participant_token_may_chat_and_who_gets_none_may_not() {
    let granted = |capabilities| Access::Granted(Grant { capabilities: Some(capabilities), ..Grant::default() });
    for (doors, admission, access, caller, expected) in [
        (Doors::Open, Admission::Open, Access::ByAdmission, "bob", Ok(Role::Participant)),
        (Doors::Open, Admission::Hosted, Access::ByAdmission, "bob", Ok(Role::Viewer)),
        (Doors::Open, Admission::Hosted, granted(Capabilities::ALL), "bob", Ok(Role::Participant)),
        (Doors::Open, Admission::Open, granted(Capabilities::SUBSCRIBE), "bob", Ok(Role::Viewer)),
        (Doors::Closed, Admission::Open, Access::ByAdmission, "bob", Err(Denial::StageClosed)),
        (Doors::Closed, Admission::Open, granted(Capabilities::ALL), "bob", Err(Denial::StageClosed)),
        (Doors::Open, Admission::Open, Access::Removed, "bob", Err(Denial::Removed)),
        (Doors::Closed, Admission::Hosted, Access::ByAdmission, "alice", Ok(Role::Owner)),
        (Doors::Open, Admission::Hosted, Access::Removed, "alice", Ok(Role::Owner)),
    ] {
        let role = role_on_stage(&user("alice"), doors, admission, &access, &user(caller));
        assert_eq!(role, expected, "{doors:?} {admission:?} {access:?} {caller}");
    }
}

#[test]
fn who_may_watch_a_channel_may_chat() {
    for (needs_invitation, is_invited, caller, expected) in [
        (false, false, "bob", Ok(Role::Viewer)),
        (true, true, "bob", Ok(Role::Viewer)),
        (true, false, "bob", Err(Denial::NotInvited)),
        (true, false, "alice", Ok(Role::Owner)),
    ] {
        assert_eq!(role_on_channel(&user("alice"), needs_invitation, is_invited, &user(caller)), expected);
    }
}

#[test]
fn a_role_has_its_capabilities_and_who_is_muted_has_none() {
    let all = ChatCapability::ALL.to_vec();
    let write = vec![ChatCapability::SendMessage];
    for (role, standing, read_only, expected) in [
        (Role::Owner, Standing::default(), false, (Role::Owner, all.clone())),
        (Role::Owner, MUTED, false, (Role::Owner, all.clone())),
        (Role::Owner, REMOVED, false, (Role::Owner, all.clone())),
        (Role::Owner, Standing::default(), true, (Role::Owner, vec![])),
        (Role::Viewer, MODERATOR, false, (Role::Moderator, all)),
        (Role::Viewer, Standing::default(), false, (Role::Viewer, write.clone())),
        (Role::Participant, Standing::default(), false, (Role::Participant, write)),
        (Role::Participant, Standing::default(), true, (Role::Participant, vec![])),
        (Role::Participant, MUTED, false, (Role::Participant, vec![])),
        (Role::Viewer, Standing { muted: true, ..MODERATOR }, false, (Role::Moderator, vec![])),
    ] {
        let (role_of_it, capabilities) = expected;
        assert_eq!(
            seat(role, standing, read_only),
            Ok(Seat { role: role_of_it, capabilities }),
            "{role:?} {standing:?}"
        );
    }
    assert_eq!(seat(Role::Participant, REMOVED, true), Err(Denial::Removed));
}

#[test]
fn nobody_moderates_the_owner_and_moderators_do_not_moderate_one_another() {
    let mute = StandingChanges { muted: Some(true), ..StandingChanges::default() };
    let promote = StandingChanges { moderator: Some(true), ..StandingChanges::default() };
    let nothing = Standing::default();
    for (actor, target_is_owner, target, changes, expected) in [
        (Role::Owner, false, nothing, mute, Ok(())),
        (Role::Owner, false, MODERATOR, mute, Ok(())),
        (Role::Owner, false, nothing, promote, Ok(())),
        (Role::Owner, true, nothing, mute, Err(Denial::Protected)),
        (Role::Moderator, false, nothing, mute, Ok(())),
        (Role::Moderator, true, nothing, mute, Err(Denial::Protected)),
        (Role::Moderator, false, MODERATOR, mute, Err(Denial::Protected)),
        (Role::Moderator, false, nothing, promote, Err(Denial::NotOwner)),
        (Role::Participant, false, nothing, mute, Err(Denial::NotModerator)),
        (Role::Viewer, true, nothing, mute, Err(Denial::NotModerator)),
    ] {
        assert_eq!(may_moderate(actor, target_is_owner, target, &changes), expected, "{actor:?} {target:?}");
    }
}

#[test]
fn who_is_allowed_other_things_is_disconnected_and_told_why() {
    let changes = |moderator, muted, removed| StandingChanges { moderator, muted, removed };
    for (changes, expected) in [
        (changes(None, Some(true), None), Some("muted")),
        (changes(None, Some(false), None), Some("unmuted")),
        (changes(Some(true), None, None), Some("moderator")),
        (changes(Some(false), None, None), Some("moderator")),
        (changes(Some(false), Some(true), Some(true)), Some("removed")),
        (changes(None, None, Some(false)), None),
        (changes(None, None, None), None),
    ] {
        assert_eq!(changes.disconnects_for(), expected, "{changes:?}");
    }
}

#[test]
fn what_changes_is_noted_and_who_is_removed_moderates_no_more() {
    let remove = StandingChanges { removed: Some(true), ..StandingChanges::default() };
    let next = MODERATOR.changed(&remove);
    assert_eq!(next, REMOVED);
    assert_eq!(MODERATOR.actions_to(next), [LogAction::ModeratorEnded, LogAction::Removed]);
    assert_eq!(next.actions_to(next.changed(&remove)), []);
    let readmit = StandingChanges { removed: Some(false), ..StandingChanges::default() };
    assert_eq!(next.actions_to(next.changed(&readmit)), [LogAction::Readmitted]);
    for action in LogAction::ALL {
        assert_eq!(LogAction::parse(action.as_str()), Some(action));
    }
}

#[test]
fn a_user_gets_ten_tokens_at_once_and_then_one_each_six_seconds() {
    let (mut user, session) = (bob(), Duration::from_secs(60));
    for _ in 0..10 {
        user.take_token(session, now()).unwrap();
    }
    let Err(Error::TooManyRequests { retry_after }) = user.clone().take_token(session, now()) else {
        panic!("an eleventh token");
    };
    assert_eq!(retry_after, Duration::from_secs(6));
    let later = now() + retry_after;
    user.take_token(session, later).unwrap();
    assert!(user.clone().take_token(session, later).is_err());
    // A clock that ran ahead has written this.
    user.paid_until = Some(now() + Duration::from_secs(3600));
    user.take_token(session, now() + Duration::from_secs(6)).unwrap_err();
    user.take_token(session, now() + Duration::from_secs(3600)).unwrap();
}

#[test]
fn a_row_stays_while_something_is_said_of_its_user() {
    let mut user = bob();
    assert_eq!(user.ends_at(), None);
    user.changed_at = Some(now());
    assert_eq!(user.ends_at(), Some(now() + Duration::from_secs(24 * 60 * 60)));
    user.take_token(Duration::from_secs(60), now()).unwrap();
    assert_eq!(user.ends_at(), Some(now() + Duration::from_secs(24 * 60 * 60 + 60)));
    user.standing = MUTED;
    assert_eq!(user.ends_at(), None);
}

#[test]
fn a_row_of_an_earlier_room_counts_for_nothing_but_is_written_upon() {
    let earlier = ChatUser { standing: MODERATOR, version: Some("v1".parse().unwrap()), ..bob() };
    let arn = "arn:aws:ivschat:us-east-1:000000000000:room/mnopqrstuvwx".parse().unwrap();
    let row = ChatUser::of(&earlier.room, &arn, &earlier.user_id, Some(earlier.clone()));
    assert_eq!((row.standing, row.version, row.room_arn), (Standing::default(), earlier.version, arn));
}

#[test]
fn names_that_look_alike_are_the_same() {
    for (a, b) in [
        ("Alice", "alice"),
        ("alice", "al1ce"),
        ("Bob", "B o b"),
        ("paypal", "раураӏ"),
        ("rn", "m"),
        ("Zoë", "Zoe\u{308}"),
        ("lo", "I O"),
        ("l0", "I O"),
    ] {
        let (Ok(a), Ok(b)) = (a.parse::<DisplayName>(), b.parse::<DisplayName>()) else {
            panic!("{a} or {b} is refused");
        };
        assert_eq!(a.skeleton(), b.skeleton(), "{a} {b}");
    }
    for (a, b) in [("alice", "bob"), ("alice", "alice2"), ("Zoe", "Zoë"), ("Anna", "Анна")] {
        assert_ne!(name(a).skeleton(), name(b).skeleton(), "{a} {b}");
    }
    assert!(name("ALICE").looks_like(&user("alice")));
    assert!(!name("alice").looks_like(&user("auth0|1")));
}

#[test]
fn a_name_can_be_seen_and_each_of_its_words_is_of_one_script() {
    for text in ["Ann", "O'Neil", "Анна", "Ann Παπα", "王小明", "田中さん", "zoë", "3.14", "x".repeat(50).as_str()]
    {
        assert!(text.parse::<DisplayName>().is_ok(), "{text}");
    }
    for text in [
        "",
        " ",
        " ann",
        "ann ",
        "a  b",
        "a\tb",
        "a\nb",
        "a\u{200b}b",
        "a\u{202e}b",
        "a\u{a0}b",
        "pаypal",
        "\u{feff}",
        "\u{1f600}",
        "x".repeat(51).as_str(),
    ] {
        assert!(text.parse::<DisplayName>().is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn a_name_is_taken_as_it_is_shown_or_refused_and_its_skeleton_is_that_of_itself(text in "\\PC{0,60}") {
        if let Ok(name) = text.parse::<DisplayName>() {
            prop_assert_eq!(name.as_str().parse(), Ok(name.clone()));
            prop_assert!(!name.skeleton().is_empty() && name.skeleton().len() <= 1024);
            for shown in [name.as_str().to_uppercase(), name.as_str().to_lowercase(), name.as_str().replace(' ', "")] {
                if let Ok(other) = shown.parse::<DisplayName>() {
                    let same = other.as_str().to_lowercase() == name.as_str().to_lowercase().replace(' ', "")
                        || other.as_str().to_lowercase() == name.as_str().to_lowercase();
                    prop_assert!(!same || other.skeleton() == name.skeleton(), "{} {}", name, other);
                }
            }
        }
    }

    #[test]
    fn no_user_gets_more_than_ten_tokens_and_one_each_six_seconds(steps in prop::collection::vec(0u64..20, 1..80)) {
        let (mut user, mut at, mut taken) = (bob(), now(), 0u64);
        for seconds in steps {
            at = at + Duration::from_secs(seconds);
            let before = user.clone();
            match user.take_token(Duration::from_secs(60), at) {
                Ok(()) => taken += 1,
                Err(Error::TooManyRequests { retry_after }) => {
                    prop_assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(6));
                    prop_assert_eq!(&before, &user);
                    prop_assert!(user.clone().take_token(Duration::from_secs(60), at + retry_after).is_ok());
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
            prop_assert!(taken <= 10 + now().until(at).as_secs() / 6);
        }
    }

    #[test]
    fn who_is_removed_or_muted_can_never_write(moderator: bool, muted: bool, removed: bool, read_only: bool, role in 1usize..3) {
        let role = [Role::Owner, Role::Participant, Role::Viewer][role];
        let writes = seat(role, Standing { moderator, muted, removed }, read_only).is_ok_and(|seat| !seat.capabilities.is_empty());
        prop_assert_eq!(writes, !removed && !muted && !read_only);
    }
}

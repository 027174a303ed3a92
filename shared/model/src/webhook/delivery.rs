//! What a receiver's answer means, and when a delivery is tried again.

use std::time::Duration;

/// How long one attempt may take, from the connection to the end of the answer.
pub const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a delivery is tried; then it is a dead letter.
pub const GIVE_UP: Duration = Duration::from_secs(24 * 60 * 60);

/// The first pause, and the longest one that is not asked for.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// The longest pause that a receiver may ask for. SQS hides a message for twelve hours at most.
const LONGEST_ASKED: Duration = Duration::from_secs(6 * 60 * 60);

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered,
    /// The receiver wants no more of them (410).
    Unwanted,
    /// It has to be tried again, and not before the receiver's own time.
    Again(Option<Duration>),
}

/// What a status, with the header `retry-after`, means. Redirections are failures: nobody follows them. Of `retry-after`,
/// whole seconds are read, with a 429 or 503.
pub fn judge(status: u16, retry_after: Option<&str>) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Unwanted,
        429 | 503 => {
            let seconds = retry_after.map(str::trim).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            // More digits than there are in a number are a long time.
            Verdict::Again(
                seconds
                    .filter(|text| !text.is_empty())
                    .map(|text| text.parse().map_or(LONGEST_ASKED, Duration::from_secs).min(LONGEST_ASKED)),
            )
        }
        _ => Verdict::Again(None),
    }
}

/// How long to wait after a failure of a delivery that was sent so long ago: as long again, so that the pauses double from
/// five seconds to an hour; at least as long as the receiver asks for.
pub fn pause(age: Duration, asked: Option<Duration>) -> Duration {
    age.clamp(SHORTEST, LONGEST).max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_taken_refused_for_good_or_asks_for_another_try() {
        let seconds = |n| Verdict::Again(Some(Duration::from_secs(n)));
        for (status, header, expected) in [
            (200, None, Verdict::Delivered),
            (204, Some("60"), Verdict::Delivered),
            (299, None, Verdict::Delivered),
            (301, None, Verdict::Again(None)),
            (308, None, Verdict::Again(None)),
            (400, None, Verdict::Again(None)),
            (404, Some("60"), Verdict::Again(None)),
            (410, None, Verdict::Unwanted),
            (429, Some("60"), seconds(60)),
            (503, Some(" 0 "), seconds(0)),
            (503, Some("86400"), seconds(6 * 60 * 60)),
            (503, Some("99999999999999999999999"), seconds(6 * 60 * 60)),
            (503, Some("-1"), Verdict::Again(None)),
            (503, Some(""), Verdict::Again(None)),
            (429, Some("Sun, 01 Mar 2026 12:00:00 GMT"), Verdict::Again(None)),
            (500, Some("60"), Verdict::Again(None)),
        ] {
            assert_eq!(judge(status, header), expected, "{status} {header:?}");
        }
    }

    #[test]
    fn pauses_double_to_an_hour_and_a_day_is_some_thirty_tries() {
        let (mut age, mut pauses) = (Duration::ZERO, Vec::new());
        while age < GIVE_UP {
            pauses.push(pause(age, None).as_secs());
            age += pause(age, None);
        }
        assert_eq!(pauses[..11], [5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560]);
        assert!(pauses[11..].iter().all(|pause| *pause == 3600), "{pauses:?}");
        assert_eq!(pauses.len(), 34);
    }

    proptest! {
        #[test]
        fn a_pause_is_never_longer_than_sqs_hides_a_message(age in any::<u64>(), asked in any::<Option<u64>>()) {
            let asked = asked.map(Duration::from_secs);
            let pause = pause(Duration::from_secs(age), asked);
            prop_assert!(pause >= SHORTEST && pause <= LONGEST_ASKED);
            prop_assert!(asked.is_none_or(|asked| pause >= asked.min(LONGEST_ASKED)));
        }

        #[test]
        fn any_answer_is_judged(status in any::<u16>(), header in proptest::option::of("\\PC{0,12}")) {
            let verdict = judge(status, header.as_deref());
            prop_assert_eq!(verdict == Verdict::Delivered, (200..300).contains(&status));
            prop_assert_eq!(verdict == Verdict::Unwanted, status == 410);
        }
    }
}

//! Writes that meet a transaction of others on the same rows. DynamoDB refuses them, whether they are of a transaction or
//! not, and the SDK repeats none.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use tokio::time::sleep;

/// How often a write is tried: about a second in all.
const ATTEMPTS: u32 = 9;
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
const LONGEST_BACKOFF: Duration = Duration::from_millis(200);

/// Sends a write until it meets no conflict, or has been tried often enough: then the answer is the last one.
pub(crate) async fn repeat<T, E, Sent>(
    is_conflict: impl Fn(&SdkError<E, HttpResponse>) -> bool,
    send: impl Fn() -> Sent,
) -> Result<T, SdkError<E, HttpResponse>>
where
    Sent: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let (mut attempt, mut backoff) = (1, FIRST_BACKOFF);
    loop {
        match send().await {
            Err(error) if is_conflict(&error) && attempt < ATTEMPTS => {
                sleep(backoff.mul_f64(jitter())).await;
                (attempt, backoff) = (attempt + 1, (backoff * 2).min(LONGEST_BACKOFF));
            }
            answer => return answer,
        }
    }
}

/// Between a half and one, so that those who met do not meet again.
fn jitter() -> f64 {
    let drawn = u8::try_from(RandomState::new().hash_one(()) % 128).unwrap_or_default();
    0.5 + f64::from(drawn) / 256.0
}

//! The publisher's session.

mod by_hand;
mod pair;

use crate::StreamKey;

use super::*;

const KEY: &str = "sk_secret?token=1";

fn session() -> ClientSession {
    ClientSession::new("app", "rtmp://127.0.0.1/app", StreamKey::new(KEY.into()))
}

mod cutting;
mod disorder;
mod frames;
mod memory;
mod parsed;
mod reload;
mod serving;
mod timeline;

use std::sync::Arc;

use hyper::body::Bytes;
use rtmp::flv::{Audio, Video, VideoCodec};
use time::OffsetDateTime;
use time::macros::datetime;

use self::parsed::Playlist;
use super::archive::Archive;
use super::broadcast::Broadcast;
use crate::media::testing::boxes::{Fragment, fragments};
use crate::media::testing::config::{self, RATE_48000};

const START: OffsetDateTime = datetime!(2026-11-29 12:00:00 UTC);

fn broadcast() -> Broadcast {
    Broadcast::new(0, ("channel", "st-1"), Arc::new(Archive::with_room(usize::MAX)), START)
}

fn announce_video(broadcast: &Broadcast) {
    video_of(broadcast, 1280);
}

fn video_of(broadcast: &Broadcast, width: u32) {
    broadcast.video(0, Video::Config { codec: VideoCodec::Avc, record: config::avc(width, 720) }).unwrap();
}

fn announce_audio(broadcast: &Broadcast) {
    broadcast.audio(0, Audio::Config { record: config::aac(RATE_48000, 2) }).unwrap();
}

fn picture(broadcast: &Broadcast, timestamp: u32, key: bool, data: impl Into<Bytes>) {
    broadcast.video(timestamp, Video::Frame { key, composition_offset_ms: 0, data: data.into() }).unwrap();
}

fn sound(broadcast: &Broadcast, timestamp: u32) {
    broadcast.audio(timestamp, Audio::Frame { data: Bytes::from_static(b"sound") }).unwrap();
}

/// Thirty frames a second from one time to another, in milliseconds, with a key frame every `group` of them.
fn pictures(broadcast: &Broadcast, from: u32, to: u32, group: u32) {
    for (index, timestamp) in frame_times(from, to).enumerate() {
        picture(broadcast, timestamp, index % group as usize == 0, &b"picture"[..]);
    }
}

/// Goes on with pictures that began at 0.
fn more_pictures(broadcast: &Broadcast, after: u32, to: u32, group: usize) {
    for (index, time) in frame_times(0, to).enumerate().filter(|(_, time)| *time > after) {
        picture(broadcast, time, index % group == 0, &b"picture"[..]);
    }
}

fn frame_times(from: u32, to: u32) -> impl Iterator<Item = u32> {
    (0..).map(move |index| from + index * 100 / 3).take_while(move |time| *time < to)
}

/// Frames of sound of 48 kHz from one time to another.
fn sounds(broadcast: &Broadcast, from: u32, to: u32) {
    (0..).map(|index| from + index * 64 / 3).take_while(|time| *time < to).for_each(|time| sound(broadcast, time));
}

/// Pictures and sounds in the order of their times.
fn both(broadcast: &Broadcast, from: u32, to: u32, group: u32) {
    let mut heard = from;
    for (index, timestamp) in frame_times(from, to).enumerate() {
        sounds(broadcast, heard, timestamp);
        heard = heard.max(timestamp);
        picture(broadcast, timestamp, index % group as usize == 0, &b"picture"[..]);
    }
}

fn playlist(broadcast: &Broadcast) -> Playlist {
    Playlist::parse(&broadcast.media().unwrap())
}

/// Every part that was ever made, as a player reads it; each is a fragment.
fn parts(broadcast: &Broadcast) -> Vec<Fragment> {
    let mut parts = Vec::new();
    for number in 0.. {
        let before = parts.len();
        while let Some(data) = broadcast.part(number, parts.len() - before) {
            let mut read = fragments(&data);
            assert_eq!(read.len(), 1);
            parts.extend(read.pop());
        }
        if parts.len() == before {
            break;
        }
    }
    parts
}

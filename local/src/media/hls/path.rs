//! The URLs of the origin.
//!
//! The master playlist is where IVS has it. What it leads to lies beside it, under the id of the stream and a session of
//! the viewer: a new broadcast has other URLs, since players that know a playlist take one that begins again at 0 for stuck.

/// Where IVS has playback URLs.
const ROOT: &str = "/api/video/v1/";
/// The media playlist, beside what it lists.
const MEDIA: &str = "media.m3u8";

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// The master playlist of the channel with this id.
    Master { channel_id: &'a str },
    /// Something of a broadcast.
    Stream { stream_id: &'a str, session: &'a str, resource: Resource },
}

/// What there is of a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Media,
    Init { version: u32 },
    Segment { number: u64 },
    Part { number: u64, index: usize },
}

/// Reads a path. None if nothing is there.
pub(super) fn parse(path: &str) -> Option<Target<'_>> {
    let rest = path.strip_prefix(ROOT)?;
    let Some((stream_id, rest)) = rest.split_once('/') else {
        // {region}.{account}.channel.{id}.m3u8
        let (_, channel_id) = rest.strip_suffix(".m3u8")?.split_once(".channel.")?;
        return (!channel_id.is_empty()).then_some(Target::Master { channel_id });
    };
    let (session, file) = rest.split_once('/')?;
    Some(Target::Stream { stream_id, session, resource: resource(file)? })
}

/// Where the media playlist is, seen from the master playlist.
pub(super) fn media(stream_id: &str, session: &str) -> String {
    format!("{stream_id}/{session}/{MEDIA}")
}

fn resource(file: &str) -> Option<Resource> {
    if file == MEDIA {
        return Some(Resource::Media);
    }
    if let Some(version) = file.strip_prefix("init-") {
        return Some(Resource::Init { version: number(version.strip_suffix(".mp4")?)? });
    }
    let file = file.strip_suffix(".m4s")?;
    if let Some(segment) = file.strip_prefix("segment-") {
        return Some(Resource::Segment { number: number(segment)? });
    }
    let (segment, index) = file.strip_prefix("part-")?.split_once('-')?;
    Some(Resource::Part { number: number(segment)?, index: number(index)? })
}

/// A number as we write it: one URL for one thing.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

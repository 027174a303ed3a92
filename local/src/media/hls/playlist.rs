//! The two playlists, as text (RFC 8216 and its successor, draft-pantos-hls-rfc8216bis).

use std::fmt::Write;
use std::sync::Arc;

use time::{OffsetDateTime, UtcOffset};

use super::format::Formats;
use super::segment::{Init, MILLISECOND, Part, SECOND, Segment, Ticks};
use super::window::{LISTED, TARGET_DURATION, Window};

/// The part target of a broadcast that was over before there was one.
const USUAL_PART: Ticks = 210 * MILLISECOND;

/// What the master playlist says of its only rendition.
pub(super) struct Rendition<'a> {
    pub(super) uri: &'a str,
    pub(super) formats: &'a Formats,
    /// The most bits in a second, and the average.
    pub(super) bit_rates: (u64, u64),
    pub(super) frame_rate: Option<f64>,
}

/// The master playlist.
pub(super) fn master(rendition: &Rendition<'_>) -> String {
    let (peak, average) = rendition.bit_rates;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
        peak.max(1),
        average.max(1),
        rendition.formats.codecs()
    );
    if let Some(video) = &rendition.formats.video {
        let _ = write!(text, ",RESOLUTION={}x{}", video.size.width, video.size.height);
    }
    if let Some(rate) = rendition.frame_rate {
        let _ = write!(text, ",FRAME-RATE={rate:.3}");
    }
    let _ = writeln!(text, "\n{}", rendition.uri);
    text
}

/// The media playlist.
pub(super) fn media(window: &Window, part_target: Option<Ticks>) -> String {
    let mut text = String::with_capacity(4096);
    let part = part_target.unwrap_or(USUAL_PART);
    let first = window.complete.front().map(|segment| segment.number);
    let _ = write!(
        text,
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{TARGET_DURATION}\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={},HOLD-BACK={}\n\
         #EXT-X-PART-INF:PART-TARGET={}\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
        seconds(3 * part),
        seconds(LISTED),
        seconds(part),
        first.unwrap_or_else(|| window.progress().number),
        window.discontinuities,
    );
    let mut map: Option<&Arc<Init>> = None;
    // Parts are for players next to the broadcast; what is further back is read by the segment.
    let open: Ticks = window.open.as_ref().map_or(0, Segment::duration);
    let mut behind: Ticks = open + window.complete.iter().map(|segment| segment.duration()).sum::<Ticks>();
    for segment in &window.complete {
        head(&mut text, segment, &mut map);
        behind = behind.saturating_sub(segment.duration());
        // After the end, nobody is next to it; and hls.js (1.7) takes the end for played only if it has both tracks in the
        // middle of the last part, which one of them may not reach.
        if behind < LISTED && !window.ended {
            parts(&mut text, segment.number, &segment.parts);
        }
        let _ = writeln!(text, "#EXTINF:{},\nsegment-{}.m4s", seconds(segment.duration()), segment.number);
    }
    if let Some(open) = &window.open {
        head(&mut text, open, &mut map);
        parts(&mut text, open.number, &open.parts);
    }
    if window.ended {
        text.push_str("#EXT-X-ENDLIST\n");
    } else if !window.changing {
        let next = window.progress();
        let _ = writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-{}-{}.m4s\"", next.number, next.parts);
    }
    text
}

/// What stands before a segment.
fn head<'a>(text: &mut String, segment: &'a Segment, map: &mut Option<&'a Arc<Init>>) {
    if segment.discontinuity {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if map.is_none_or(|map| map.version != segment.init.version) {
        let _ = writeln!(text, "#EXT-X-MAP:URI=\"init-{}.mp4\"", segment.init.version);
        *map = Some(&segment.init);
    }
    let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", date(segment.date));
}

fn parts(text: &mut String, number: u64, parts: &[Part]) {
    for (index, part) in parts.iter().enumerate() {
        let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
        let duration = seconds(part.duration);
        let _ = writeln!(text, "#EXT-X-PART:DURATION={duration},URI=\"part-{number}-{index}.m4s\"{independent}");
    }
}

/// In seconds, with five digits: what is left over is less than a sample of sound.
fn seconds(ticks: Ticks) -> String {
    format!("{:.5}", ticks as f64 / SECOND as f64)
}

/// As ISO 8601 has it, with milliseconds.
fn date(date: OffsetDateTime) -> String {
    let date = date.to_offset(UtcOffset::UTC);
    let (hour, minute, second, millisecond) = date.time().as_hms_milli();
    format!("{}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z", date.date())
}

//! A reader of media playlists that is stricter than players are.

use std::collections::HashMap;

/// A media playlist.
#[derive(Debug, Default)]
pub(super) struct Playlist {
    pub(super) target: u64,
    pub(super) part_target: f64,
    pub(super) sequence: u64,
    pub(super) discontinuity_sequence: u64,
    pub(super) segments: Vec<Segment>,
    /// What follows the last complete segment.
    pub(super) open: Segment,
    pub(super) hint: Option<String>,
    pub(super) ended: bool,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) uri: String,
    pub(super) duration: f64,
    pub(super) parts: Vec<Part>,
    pub(super) map: String,
    pub(super) date: String,
    pub(super) discontinuity: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) uri: String,
    pub(super) duration: f64,
    pub(super) independent: bool,
}

impl Playlist {
    /// Reads a playlist, and checks what holds for every one.
    pub(super) fn parse(text: &str) -> Self {
        let mut playlist = Self::default();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("#EXTM3U"));
        let mut segment = Segment::default();
        for line in lines {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-VERSION" => assert_eq!(value, "6"),
                "#EXT-X-TARGETDURATION" => playlist.target = value.parse().unwrap(),
                "#EXT-X-SERVER-CONTROL" => {
                    let values = attributes(value);
                    assert_eq!(values["CAN-BLOCK-RELOAD"], "YES");
                    assert!(number(&values["HOLD-BACK"]) >= 3.0 * playlist.target as f64);
                    playlist.part_target = number(&values["PART-HOLD-BACK"]) / 3.0;
                }
                "#EXT-X-PART-INF" => {
                    let target = number(&attributes(value)["PART-TARGET"]);
                    assert!(playlist.part_target > target - 0.001, "PART-HOLD-BACK is three part targets");
                    playlist.part_target = target;
                }
                "#EXT-X-MEDIA-SEQUENCE" => playlist.sequence = value.parse().unwrap(),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => playlist.discontinuity_sequence = value.parse().unwrap(),
                "#EXT-X-DISCONTINUITY" => segment.discontinuity = true,
                "#EXT-X-MAP" => segment.map = attributes(value).remove("URI").unwrap(),
                "#EXT-X-PROGRAM-DATE-TIME" => segment.date = value.to_owned(),
                "#EXT-X-PART" => {
                    let values = attributes(value);
                    let (uri, duration) = (values["URI"].clone(), number(&values["DURATION"]));
                    segment.parts.push(Part { uri, duration, independent: values.contains_key("INDEPENDENT") });
                }
                "#EXTINF" => segment.duration = number(value.strip_suffix(',').unwrap()),
                "#EXT-X-PRELOAD-HINT" => playlist.hint = attributes(value).remove("URI"),
                "#EXT-X-ENDLIST" => playlist.ended = true,
                uri if !uri.starts_with('#') => {
                    segment.uri = uri.to_owned();
                    let map = segment.map.clone();
                    playlist.segments.push(std::mem::take(&mut segment));
                    segment.map = map;
                }
                other => panic!("{other} in a playlist"),
            }
        }
        playlist.open = segment;
        playlist.check();
        playlist
    }

    fn check(&self) {
        let mut number = self.sequence;
        for segment in &self.segments {
            assert_eq!(segment.uri, format!("segment-{number}.m4s"));
            assert!(segment.duration > 0.0 && segment.duration.round() as u64 <= self.target, "{segment:?}");
            let parts: f64 = segment.parts.iter().map(|part| part.duration).sum();
            assert!(segment.parts.is_empty() || (parts - segment.duration).abs() < 0.001, "{segment:?}");
            number += 1;
        }
        let listed: Vec<_> = self.segments.iter().chain([&self.open]).collect();
        for (number, segment) in (self.sequence..).zip(&listed) {
            assert!(!segment.map.is_empty() || segment.parts.is_empty());
            for (index, part) in segment.parts.iter().enumerate() {
                assert_eq!(part.uri, format!("part-{number}-{index}.m4s"));
                assert!(part.duration > 0.0);
            }
        }
        match &self.hint {
            Some(hint) => assert_eq!(*hint, format!("part-{number}-{}.m4s", self.open.parts.len())),
            None => assert!(self.open.parts.is_empty(), "after the end, or before another format"),
        }
    }

    /// Whether a player that knew `earlier` may find this one in its place (RFC 8216, 6.2.1).
    pub(super) fn follows(&self, earlier: &Self) {
        assert_eq!(self.target, earlier.target);
        assert!(self.part_target == earlier.part_target);
        assert!(self.sequence >= earlier.sequence);
        assert!(self.discontinuity_sequence >= earlier.discontinuity_sequence);
        assert!(!earlier.ended);
        let gone = (self.sequence - earlier.sequence) as usize;
        let removed = earlier.segments.iter().take(gone).filter(|segment| segment.discontinuity).count() as u64;
        if gone <= earlier.segments.len() {
            assert_eq!(self.discontinuity_sequence, earlier.discontinuity_sequence + removed);
        }
        for (before, now) in earlier.segments.iter().skip(gone).zip(&self.segments) {
            assert_eq!((&before.uri, before.duration, &before.date), (&now.uri, now.duration, &now.date));
        }
        let open = earlier.segments.len() - gone.min(earlier.segments.len());
        let now = self.segments.get(open).unwrap_or(&self.open);
        assert!(now.parts.starts_with(&earlier.open.parts), "parts only come");
    }

    /// How much is listed, parts of the growing segment included.
    pub(super) fn duration(&self) -> f64 {
        let open: f64 = self.open.parts.iter().map(|part| part.duration).sum();
        self.segments.iter().map(|segment| segment.duration).sum::<f64>() + open
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

fn attributes(text: &str) -> HashMap<&str, String> {
    let attributes = text.split(',').map(|attribute| {
        let (name, value) = attribute.split_once('=').unwrap();
        (name, value.trim_matches('"').to_owned())
    });
    attributes.collect()
}

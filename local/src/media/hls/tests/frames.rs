//! Whatever a well-behaved encoder sends is served, each frame once and at its time.

use proptest::prelude::*;
use rtmp::flv::{Audio, Video};

use super::*;
use crate::media::testing::boxes::Track;

/// A steady encoder.
#[derive(Debug, Clone)]
struct Encoder {
    /// The first timestamp; they may wrap.
    first: u32,
    /// Frames a hundred seconds.
    rate: u32,
    /// Frames from one key frame to the next.
    group: u32,
    /// Composition offsets, over and over.
    offsets: Vec<i32>,
    /// Rates of audio that are taken, by their index.
    audio: Option<u8>,
    video: bool,
    /// How much later sound comes than pictures of its time.
    lag: i64,
    /// For how long sound goes on after the last picture.
    tail: u64,
    seconds: u32,
}

fn encoder() -> impl Strategy<Value = Encoder> {
    (
        prop_oneof![Just(0), Just(u32::MAX - 3_000), any::<u32>()],
        prop_oneof![Just(3_000u32), Just(2_500), Just(2_997), Just(6_000), 500u32..12_000],
        prop_oneof![Just(30u32), Just(60), Just(250), 1u32..400],
        prop::collection::vec(-100i32..200, 1..5),
        (prop::option::of(3u8..9), any::<bool>()),
        (-200i64..400, prop_oneof![Just(0u64), 0u64..200]),
        1u32..25,
    )
        .prop_map(|(first, rate, group, offsets, (audio, video), (lag, tail), seconds)| Encoder {
            first,
            rate,
            group,
            offsets,
            audio,
            video: video || audio.is_none(),
            lag,
            tail,
            seconds,
        })
}

const RATES: [u32; 6] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000];

impl Encoder {
    fn audio_rate(&self) -> Option<u64> {
        self.audio.map(|index| RATES[usize::from(index) - 3].into())
    }

    /// When each frame is due, in milliseconds: the timestamp, and whether it is a picture.
    fn order(&self) -> Vec<(u64, bool)> {
        let end = u64::from(self.seconds) * 1_000;
        let pictures = (0..).map(|index| index * 100_000 / u64::from(self.rate)).take_while(|time| *time < end);
        let silent = end + self.tail;
        let sounds = |rate: u64| (0..).map(move |index| index * 1024 * 1000 / rate).take_while(|time| *time < silent);
        let mut frames: Vec<_> = pictures.filter(|_| self.video).map(|time| (time, true)).collect();
        frames.extend(self.audio_rate().into_iter().flat_map(sounds).map(|time| (time, false)));
        frames.sort_by_key(|(time, picture)| (*time).cast_signed() + if *picture { 0 } else { self.lag });
        frames
    }

    /// Sends everything; frames are numbered. Playlists are read on the way.
    fn run(&self) -> (Broadcast, usize, usize) {
        self.run_watched(|_| ())
    }

    /// The same, with each playlist on the way shown to `watch`.
    fn run_watched(&self, mut watch: impl FnMut(&Playlist)) -> (Broadcast, usize, usize) {
        let broadcast = broadcast();
        if self.video {
            announce_video(&broadcast);
        }
        if let Some(index) = self.audio {
            broadcast.audio(0, Audio::Config { record: config::aac(index, 2) }).unwrap();
        }
        let (mut pictures, mut sounds) = (0usize, 0usize);
        let mut known: Option<(String, Playlist)> = None;
        for (time, picture) in self.order() {
            let timestamp = self.first.wrapping_add(u32::try_from(time).unwrap());
            if picture {
                let key = pictures % self.group as usize == 0;
                let composition_offset_ms = self.offsets[pictures % self.offsets.len()];
                let data = Bytes::copy_from_slice(&pictures.to_be_bytes());
                broadcast.video(timestamp, Video::Frame { key, composition_offset_ms, data }).unwrap();
                pictures += 1;
            } else {
                let data = Bytes::copy_from_slice(&sounds.to_be_bytes());
                broadcast.audio(timestamp, Audio::Frame { data }).unwrap();
                sounds += 1;
            }
            let Some(text) = broadcast.media().filter(|text| known.as_ref().is_none_or(|(known, _)| known != text))
            else {
                continue;
            };
            let playlist = Playlist::parse(&text);
            if let Some((_, known)) = &known {
                playlist.follows(known);
            }
            watch(&playlist);
            known = Some((text, playlist));
        }
        broadcast.end();
        (broadcast, pictures, sounds)
    }
}

/// The samples of a track over all parts; each part goes on where the one before ended.
fn whole(parts: &[Fragment], id: u32) -> Vec<(u64, i32, Vec<u8>)> {
    let mut samples = Vec::new();
    let mut next = None;
    for track in parts.iter().filter_map(|part| part.track(id)) {
        let Track { decode, samples: run, .. } = track;
        assert!(next.is_none_or(|next| next == *decode), "track {id} goes on at {decode} instead of {next:?}");
        let mut time = *decode;
        for sample in run {
            samples.push((time, sample.composition_offset, sample.data.clone()));
            time += u64::from(sample.duration);
        }
        next = Some(time);
    }
    samples
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_frame_of_a_steady_encoder_is_served_once_and_at_its_time(encoder in encoder()) {
        let (broadcast, pictures, sounds) = encoder.run();
        let playlist = playlist(&broadcast);
        prop_assert!(playlist.ended);
        let parts = parts(&broadcast);
        prop_assert!(parts.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
        let video = whole(&parts, 1);
        prop_assert_eq!(video.len(), pictures);
        for (index, (time, offset, data)) in video.iter().enumerate() {
            prop_assert_eq!(data.as_slice(), index.to_be_bytes());
            let due = index as u64 * 100_000 / u64::from(encoder.rate);
            prop_assert_eq!(time - video[0].0, due * 90);
            prop_assert_eq!(*offset, encoder.offsets[index % encoder.offsets.len()] * 90);
        }
        let audio = whole(&parts, 2);
        // Sound of before the first picture is left out, nothing else.
        let left_out = sounds - audio.len();
        let most = if encoder.video { 8 } else { 0 };
        prop_assert!(left_out <= most, "{} of {} left out", left_out, sounds);
        for (index, (time, _, data)) in audio.iter().enumerate() {
            prop_assert_eq!(data.as_slice(), (index + left_out).to_be_bytes());
            prop_assert_eq!(time - audio[0].0, index as u64 * 1024);
        }
        if let (Some(rate), Some(seen), Some(heard)) = (encoder.audio_rate(), video.first(), audio.first()) {
            let apart = (heard.0 * 1000 / rate).abs_diff(seen.0 / 90 + left_out as u64 * 1024 * 1000 / rate);
            prop_assert!(apart <= 100, "sound is off by {} ms", apart);
        }
    }

    #[test]
    fn parts_keep_their_target_and_segments_begin_at_key_frames_that_are_near_enough(encoder in encoder()) {
        let step = f64::from(100_000 / encoder.rate + 1) / 1000.0;
        let group = f64::from(encoder.group) * 100.0 / f64::from(encoder.rate);
        let mut wrong = None;
        encoder.run_watched(|playlist| {
            for segment in &playlist.segments {
                let target = playlist.part_target + 0.00002;
                let kept = !encoder.video || step > target || segment.parts.iter().all(|part| part.duration <= target);
                let independent = segment.parts.first().is_none_or(|part| part.independent);
                // Before the second key frame nobody knows how far apart they are: a part that might become too long is not
                // begun.
                let near_enough = group <= 2.4 - playlist.part_target - step;
                if !kept || (!independent && near_enough) {
                    wrong = Some(format!("{segment:?}"));
                }
            }
        });
        prop_assert_eq!(wrong, None);
    }
}

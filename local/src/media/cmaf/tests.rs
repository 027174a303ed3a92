use hyper::body::Bytes;
use proptest::prelude::*;
use rtmp::flv::VideoCodec;

use super::*;
use crate::media::sps::Size;
use crate::media::testing::bits::BitWriter;
use crate::media::testing::boxes::{boxes, fragments, inside, u32_at};
use crate::media::testing::config::{self, RATE_44100, RATE_48000};

fn avc() -> VideoFormat {
    VideoFormat::parse(VideoCodec::Avc, config::avc(1280, 720)).unwrap()
}

fn hevc() -> VideoFormat {
    let mut sps = BitWriter::default();
    sps.bits(8, 1);
    sps.bits(8, 1);
    sps.bits(32, 0x6000_0000);
    sps.bits(48, 0x9000_0000_0000);
    sps.bits(8, 93);
    sps.ue(0);
    sps.ue(1);
    sps.ue(1280);
    sps.ue(720);
    sps.flag(false);
    sps.bits(32, 0);
    VideoFormat::parse(VideoCodec::Hevc, config::hevc(&sps.nal(&[0x42, 1]))).unwrap()
}

fn aac() -> AudioFormat {
    AudioFormat::parse(&config::aac(RATE_44100, 2)).unwrap()
}

/// Kind, timescale and sample entry of each track of an initialization segment.
fn tracks(init: &[u8]) -> Vec<(String, u32, String)> {
    let moov = inside(init, "moov");
    let tracks = boxes(moov).into_iter().filter(|(kind, _)| *kind == "trak").map(|(_, track)| {
        let handler = String::from_utf8(inside(track, "mdia/hdlr")[8..12].to_vec()).unwrap();
        let description = inside(track, "mdia/minf/stbl/stsd");
        assert_eq!(u32_at(description, 4), 1);
        let entry = boxes(&description[8..])[0].0.to_owned();
        (handler, u32_at(inside(track, "mdia/mdhd"), 12), entry)
    });
    tracks.collect()
}

#[test]
fn an_initialization_segment_describes_both_tracks() {
    let init = init(Some(&avc()), Some(&aac()));
    let kinds: Vec<_> = boxes(&init).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["ftyp", "moov"]);
    let expected = [("vide", 90_000, "avc1"), ("soun", 44_100, "mp4a")];
    let expected = expected.map(|(handler, timescale, entry)| (handler.to_owned(), timescale, entry.to_owned()));
    assert_eq!(tracks(&init), expected);
    let extends = boxes(inside(&init, "moov/mvex")).iter().map(|(_, trex)| u32_at(trex, 4)).collect::<Vec<_>>();
    assert_eq!(extends, [1, 2]);
}

#[test]
fn the_configurations_are_in_the_initialization_segment_as_the_publisher_sent_them() {
    for (video, entry, record) in [(avc(), "avc1", "avcC"), (hevc(), "hvc1", "hvcC")] {
        let init = init(Some(&video), None);
        let description = &inside(&init, "moov/trak/mdia/minf/stbl/stsd")[8..];
        let entry = inside(description, entry);
        assert_eq!(&entry[24..28], [5, 0, 2, 0xd0], "1280x720");
        assert_eq!(inside(&entry[78..], record), video.record);
    }
    let init = init(None, Some(&aac()));
    let entry = inside(&inside(&init, "moov/trak/mdia/minf/stbl/stsd")[8..], "mp4a");
    assert_eq!((entry[17], u32_at(entry, 24)), (2, 44_100 << 16));
    let descriptor = inside(&entry[28..], "esds");
    let expected = [
        &[0, 0, 0, 0, 3, 25, 0, 2, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2][..],
        &config::aac(RATE_44100, 2),
        &[6, 1, 2],
    ];
    assert_eq!(descriptor, expected.concat());
}

#[test]
fn codecs_are_named_as_players_expect_them() {
    assert_eq!(avc().codecs(), "avc1.42C01F");
    assert_eq!(hevc().codecs(), "hvc1.1.6.L93.90");
    assert_eq!(hevc().size, Size { width: 1280, height: 720 });
    assert_eq!(aac().codecs(), "mp4a.40.2");
}

#[test]
fn an_audio_configuration_says_rate_channels_and_length_of_a_frame() {
    // AAC LC of 48 kHz; HE-AAC said outright, 24 kHz within 48; 22.05 kHz written out; frames of 960.
    let mut explicit = BitWriter::default();
    explicit.bits(5, 5);
    explicit.bits(4, 6);
    explicit.bits(4, 2);
    explicit.bits(4, 3);
    explicit.bits(5, 2);
    explicit.bits(3, 0);
    let mut written_out = BitWriter::default();
    written_out.bits(5, 2);
    written_out.bits(4, 15);
    written_out.bits(24, 22_050);
    written_out.bits(4, 1);
    written_out.bits(3, 0);
    let mut short = BitWriter::default();
    short.bits(16, 2 << 11 | 3 << 7 | 7 << 3 | 4);
    for (record, rate, channels, frame, codecs) in [
        (config::aac(RATE_48000, 2), 48_000, 2, 1024, "mp4a.40.2"),
        (explicit.bytes().into(), 24_000, 2, 1024, "mp4a.40.5"),
        (written_out.bytes().into(), 22_050, 1, 1024, "mp4a.40.2"),
        (short.bytes().into(), 48_000, 8, 960, "mp4a.40.2"),
    ] {
        let format = AudioFormat::parse(&record).unwrap();
        assert_eq!(
            (format.rate, format.channels, format.frame, format.codecs().as_str()),
            (rate, channels, frame, codecs)
        );
    }
}

#[test]
fn an_hvcc_record_of_version_0_is_read_and_an_avcc_record_is_not() {
    let of_version_0 = |record: &Bytes| Bytes::from([&[0][..], &record[1..]].concat());
    let old = VideoFormat::parse(VideoCodec::Hevc, of_version_0(&hevc().record)).unwrap();
    assert_eq!((old.codecs(), old.size), (hevc().codecs(), hevc().size));
    assert_eq!(VideoFormat::parse(VideoCodec::Avc, of_version_0(&avc().record)), None);
}

#[test]
fn a_record_that_is_none_is_not_read() {
    let whole = config::avc(1280, 720);
    for length in 0..whole.len() - 9 {
        assert_eq!(VideoFormat::parse(VideoCodec::Avc, whole.slice(..length)), None, "{length} bytes");
    }
    assert_eq!(VideoFormat::parse(VideoCodec::Hevc, whole.clone()), None);
    for record in [&[][..], &[0x12], &[0x17, 0x80], &[0xff; 2], &[0x12; 65]] {
        assert_eq!(AudioFormat::parse(&Bytes::copy_from_slice(record)), None, "{record:x?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_none(bytes in prop::collection::vec(any::<u8>(), 0..100), first in any::<bool>()) {
        let mut bytes = bytes;
        if let (true, Some(byte)) = (first, bytes.first_mut()) {
            *byte = 1;
        }
        let bytes = Bytes::from(bytes);
        for codec in [VideoCodec::Avc, VideoCodec::Hevc] {
            if let Some(format) = VideoFormat::parse(codec, bytes.clone()) {
                prop_assert!(format.codecs().is_ascii());
            }
        }
        if let Some(format) = AudioFormat::parse(&bytes) {
            boxes(&init(None, Some(&format)));
        }
    }

    #[test]
    fn a_fragment_has_each_sample_where_it_says(video in samples(), audio in samples(), sequence in any::<u32>()) {
        prop_assume!(!video.is_empty() || !audio.is_empty());
        let prefix = Event { id: 7, time: 123_456_789_012, text: "goal: 1:0 €".to_owned() }.boxes(123_456_780_012);
        let data = fragment(&prefix, sequence, &video, &audio);
        let read = &fragments(&data)[0];
        prop_assert_eq!(read.sequence, sequence);
        prop_assert_eq!(&read.events, &[(123_456_789_012, 7, "goal: 1:0 €".to_owned())]);
        for (id, samples) in [(1, &video), (2, &audio)] {
            let track = read.track(id);
            prop_assert_eq!(track.map_or(0, |track| track.samples.len()), samples.len());
            let Some(track) = track else { continue };
            prop_assert_eq!(track.decode, samples[0].decode);
            for (read, sample) in track.samples.iter().zip(samples) {
                prop_assert_eq!(&read.data, &sample.data);
                prop_assert_eq!(read.duration, sample.duration);
                prop_assert_eq!(read.key, sample.key);
                prop_assert_eq!(read.composition_offset, sample.composition_offset);
            }
        }
    }
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (any::<u64>(), any::<u32>(), any::<i32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..50));
    prop::collection::vec(sample, 0..20).prop_map(|samples| {
        let sample = |(decode, duration, composition_offset, key, data): (_, _, _, _, Vec<u8>)| Sample {
            decode,
            duration,
            composition_offset,
            key,
            data: data.into(),
        };
        samples.into_iter().map(sample).collect()
    })
}

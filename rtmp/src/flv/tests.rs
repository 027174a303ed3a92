//! Bodies as encoders send them.

use bytes::{Bytes, BytesMut};
use proptest::{collection::vec, prelude::*};

use crate::amf::{Value, amf0};

use super::*;

fn body(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

const AVCC: [u8; 7] = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe0, 0];

fn hvcc() -> Vec<u8> {
    let mut record = vec![0; 23];
    record[0] = 1;
    record
}

#[test]
fn legacy_h264_of_obs_is_read() {
    let config = [&[0x17, 0, 0, 0, 0][..], &AVCC].concat();
    assert_eq!(video(config.into()), Ok(Video::Config { codec: VideoCodec::Avc, record: body(&AVCC) }));
    let frame =
        |key, composition_offset_ms, data: &[u8]| Ok(Video::Frame { key, composition_offset_ms, data: body(data) });
    assert_eq!(video(body(&[0x17, 1, 0, 0, 66, 0, 0, 0, 1, 5])), frame(true, 66, &[0, 0, 0, 1, 5]));
    assert_eq!(video(body(&[0x27, 1, 0xff, 0xff, 0xfe, 7])), frame(false, -2, &[7]));
    assert_eq!(video(body(&[0x17, 2, 0, 0, 0])), Ok(Video::End));
}

#[test]
fn hevc_of_ffmpeg_8_is_read() {
    let config = [b"\x90hvc1", &hvcc()[..]].concat();
    assert_eq!(video(config.into()), Ok(Video::Config { codec: VideoCodec::Hevc, record: hvcc().into() }));
    let frame = |key, composition_offset_ms| Ok(Video::Frame { key, composition_offset_ms, data: body(&[9]) });
    assert_eq!(video(body(b"\x93hvc1\x09")), frame(true, 0));
    assert_eq!(video(body(b"\xa3hvc1\x09")), frame(false, 0));
    assert_eq!(video(body(b"\xa1hvc1\0\0\x21\x09")), frame(false, 33));
    assert_eq!(video(body(b"\x92hvc1")), Ok(Video::End));
}

#[test]
fn h264_in_the_enhanced_form_is_read() {
    let config = [b"\x90avc1", &AVCC[..]].concat();
    assert_eq!(video(config.into()), Ok(Video::Config { codec: VideoCodec::Avc, record: body(&AVCC) }));
}

#[test]
fn packets_of_no_use_are_passed_over() {
    for other in [
        // HDR metadata, as FFmpeg 8 sends it of any HEVC.
        &b"\xd4hvc1\x02\x00\x09colorInfo"[..],
        b"\x94hvc1\x02",
        // A second track.
        b"\x96\x00avc1\x01",
        b"\xa6\x03avc1\x01\x00\x00",
        // MPEG-2 TS, and a kind that is not there yet.
        b"\x95hvc1",
        b"\x9fabcd",
        // A command, a sequence's end of the legacy form with a kind unknown, nothing.
        b"\x57\x00",
        b"\x17\x05\x00\x00\x00",
        b"",
        // A frame in which nothing is.
        b"\x27\x01\x00\x00\x00",
    ] {
        assert_eq!(video(body(other)), Ok(Video::Other), "{other:02x?}");
    }
    for other in [&b"\x94Opus\x01\x02"[..], b"\x95\x00mp4a\x00", b"\x9f", b"\xaf\x02", b"\xaf\x01", b"\x92mp4a", b""] {
        assert_eq!(audio(body(other)), Ok(Audio::Other), "{other:02x?}");
    }
}

#[test]
fn a_modified_packet_is_the_packet_that_it_modifies() {
    // Nanoseconds, twice; a modifier longer than a byte can say.
    let nanoseconds = b"\x97\x02\x01\x02\x03\x07\x02\x01\x02\x03\x03hvc1\x09";
    let frame = Ok(Video::Frame { key: true, composition_offset_ms: 0, data: body(&[9]) });
    assert_eq!(video(body(nanoseconds)), frame);
    let long = [&b"\x97\xff\x01\x2b"[..], &[0; 300], b"\x03hvc1\x09"].concat();
    assert_eq!(video(long.into()), frame);
    assert_eq!(audio(body(b"\x97\x00\x55\x01mp4a\x21")), Ok(Audio::Frame { data: body(&[0x21]) }));
    assert!(matches!(video(body(b"\x97\xff\xff\xff\x00")), Err(Error::Malformed(_))));
}

#[test]
fn a_codec_that_is_not_taken_is_named() {
    for (bytes, name) in [(&b"\x90av01"[..], "AV1"), (b"\x91vp09", "VP9"), (b"\x12\x00", "Sorenson H.263")] {
        assert_eq!(video(body(bytes)), Err(Error::Unsupported(name)));
    }
    for (bytes, name) in [(&b"\x90OpusOpusHead"[..], "Opus"), (b"\x2f\x00", "MP3"), (b"\x91fLaC", "FLAC")] {
        assert_eq!(audio(body(bytes)), Err(Error::Unsupported(name)));
    }
    assert_eq!(Error::Unsupported("AV1").to_string(), "AV1 is not taken: send H.264 or HEVC video, and AAC audio");
}

#[test]
fn a_configuration_that_is_none_is_malformed() {
    for bytes in [
        &b"\x17\x00\x00\x00\x00"[..],
        b"\x17\x00\x00\x00\x00\x00\x00\x00\x01\x67\x42\xc0",
        b"\x90hvc1\x01",
        b"\x17\x00",
    ] {
        assert!(matches!(video(body(bytes)), Err(Error::Malformed(_))), "{bytes:02x?}");
    }
    assert!(matches!(audio(body(b"\xaf\x00\x12")), Err(Error::Malformed(_))));
    assert!(matches!(audio(body(b"\xaf")), Err(Error::Malformed(_))));
}

/// A file of these tags.
fn file(tags: &[Tag]) -> BytesMut {
    let mut file = BytesMut::new();
    begin_file(true, true, &mut file);
    tags.iter().for_each(|tag| tag.write(&mut file));
    file
}

/// The tags of a file, and why there are no more.
fn tags(mut file: BytesMut) -> (Vec<Tag>, Result<(), TagError>) {
    let (mut reader, mut tags) = (TagReader::new(1000), Vec::new());
    loop {
        match reader.read(&mut file) {
            Ok(Some(tag)) => tags.push(tag),
            Ok(None) => return (tags, Ok(())),
            Err(error) => return (tags, Err(error)),
        }
    }
}

#[test]
fn the_tags_of_ffmpeg_are_read() {
    // As FFmpeg 5.1 begins a file with AAC audio alone, up to its configuration.
    let file = b"FLV\x01\x04\0\0\0\x09\0\0\0\0\x08\0\0\x04\0\0\0\0\0\0\0\xaf\0\x11\x90\0\0\0\x0f\x08\0\0\x01\x00\x00\x17\x01\0\0\0\xaf\0\0\0\x0c";
    let (tags, result) = tags(BytesMut::from(&file[..]));
    let tag = |timestamp, bytes| Tag { kind: TagKind::Audio, timestamp, body: body(bytes) };
    assert_eq!((tags, result), (vec![tag(0, b"\xaf\0\x11\x90"), tag(0x0100_0017, b"\xaf")], Ok(())));
}

#[test]
fn a_tag_of_metadata_tells_it() {
    let fields = vec![("width".to_owned(), Value::Number(1280.0))];
    let written = amf0::write(&[Value::String("onMetaData".into()), Value::Map(fields.clone())]);
    let tag = Tag { kind: TagKind::Script, timestamp: 0, body: written };
    assert_eq!(tag.metadata(), Some(fields));
    assert_eq!(Tag { kind: TagKind::Video, ..tag.clone() }.metadata(), None);
    assert_eq!(Tag { body: amf0::write(&[Value::String("onCuePoint".into()), Value::Null]), ..tag }.metadata(), None);
}

#[test]
fn what_is_no_flv_is_refused_at_its_first_wrong_byte() {
    for wrong in [&b"G"[..], b"FLW", b"FLV\x02", b"FLV\x01\x05\0\0\0\x08", b"FLV\x01\x05\0\0\0\x09\0\0\0\x01"] {
        assert_eq!(tags(BytesMut::from(wrong)), (Vec::new(), Err(TagError::NotFlv)), "{wrong:02x?}");
    }
    assert_eq!(tags(BytesMut::from(&b"FLV"[..])), (Vec::new(), Ok(())));
}

#[test]
fn a_tag_longer_than_the_limit_is_refused_before_it_is_there() {
    let tag = Tag { kind: TagKind::Video, timestamp: 0, body: vec![0; 1001].into() };
    let mut file = file(&[tag]);
    file.truncate(13 + 11);
    assert_eq!(tags(file).1, Err(TagError::TooLong { length: 1001, limit: 1000 }));
}

#[test]
fn a_tag_that_is_damaged_or_encrypted_ends_the_file() {
    let tag = Tag { kind: TagKind::Video, timestamp: 0, body: body(b"frame") };
    let mut damaged = file(&[tag.clone(), tag.clone()]);
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(tags(damaged), (vec![tag.clone()], Err(TagError::Damaged)));
    let mut encrypted = file(&[tag]);
    encrypted[13] |= 0x20;
    assert_eq!(tags(encrypted).1, Err(TagError::Encrypted));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(
        hevc: bool,
        key: bool,
        offset in -0x80_0000..0x80_0000,
        data in vec(any::<u8>(), 1..64),
        rest in vec(any::<u8>(), 23..64),
    ) {
        let codec = if hevc { VideoCodec::Hevc } else { VideoCodec::Avc };
        let record = Bytes::from([&[1][..], &rest].concat());
        let frame = Video::Frame { key, composition_offset_ms: offset, data: data.clone().into() };
        prop_assert_eq!(video(codec.frame(key, offset, &data)), Ok(frame));
        prop_assert_eq!(video(codec.config(&record)), Ok(Video::Config { codec, record: record.clone() }));
        prop_assert_eq!(video(codec.end()), Ok(Video::End));
        prop_assert_eq!(audio(aac_config(&record)), Ok(Audio::Config { record }));
        prop_assert_eq!(audio(aac_frame(&data)), Ok(Audio::Frame { data: data.into() }));
    }

    #[test]
    fn tags_that_are_written_are_read_however_they_come(
        bodies in vec((0u8..32, any::<u32>(), vec(any::<u8>(), 0..80)), 0..8),
        pieces in vec(1usize..40, 1..8),
    ) {
        let written: Vec<_> = bodies.into_iter().map(|(kind, timestamp, body)| {
            let kind = match kind { 8 => TagKind::Audio, 9 => TagKind::Video, 18 => TagKind::Script, other => TagKind::Other(other) };
            Tag { kind, timestamp, body: body.into() }
        }).collect();
        let file = file(&written);
        let (mut reader, mut input, mut read, mut rest) = (TagReader::new(80), BytesMut::new(), Vec::new(), &file[..]);
        for size in pieces.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at(size.min(rest.len()));
            input.extend_from_slice(piece);
            rest = left;
            while let Some(tag) = reader.read(&mut input).unwrap() {
                read.push(tag);
            }
            prop_assert!(input.len() < 11 + 80 + 4);
        }
        prop_assert_eq!(read, written);
        prop_assert!(input.is_empty());
    }
}

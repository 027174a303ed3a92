//! The initialization segment: what the tracks are, and no media.

use rtmp::flv::VideoCodec;

use super::boxes::Writer;
use super::{AUDIO_TRACK, AudioFormat, VIDEO_TIMESCALE, VIDEO_TRACK, VideoFormat};

/// The initialization segment for these tracks, one of which may be missing.
pub(crate) fn init(video: Option<&VideoFormat>, audio: Option<&AudioFormat>) -> Vec<u8> {
    let mut w = Writer(Vec::with_capacity(1536));
    w.boxed(b"ftyp", |w| {
        w.bytes(b"iso6");
        w.u32(512);
        // Not CMAF's own, whose tracks are in files of their own.
        w.bytes(b"iso6mp41");
    });
    w.boxed(b"moov", |w| {
        w.full(b"mvhd", 0, 0, |w| {
            w.zeros(8);
            w.u32(1000);
            w.u32(0);
            w.u32(0x1_0000); // at its own speed
            w.u16(0x100); // and volume
            w.zeros(10);
            matrix(w);
            w.zeros(24);
            w.u32(AUDIO_TRACK + 1);
        });
        if let Some(video) = video {
            track(w, VIDEO_TRACK, VIDEO_TIMESCALE, Some(video), |w| video_entry(w, video));
        }
        if let Some(audio) = audio {
            track(w, AUDIO_TRACK, audio.rate, None, |w| audio_entry(w, audio));
        }
        w.boxed(b"mvex", |w| {
            let tracks = [video.map(|_| VIDEO_TRACK), audio.map(|_| AUDIO_TRACK)];
            for id in tracks.into_iter().flatten() {
                w.full(b"trex", 0, 0, |w| {
                    w.u32(id);
                    w.u32(1);
                    w.zeros(12);
                });
            }
        });
    });
    w.0
}

fn matrix(w: &mut Writer) {
    for value in [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000] {
        w.u32(value);
    }
}

/// A track; one without `video` is audio.
fn track(w: &mut Writer, id: u32, timescale: u32, video: Option<&VideoFormat>, entry: impl FnOnce(&mut Writer)) {
    let (width, height) = video.map_or((0, 0), |video| (video.size.width, video.size.height));
    w.boxed(b"trak", |w| {
        w.full(b"tkhd", 0, 3, |w| {
            w.zeros(8);
            w.u32(id);
            w.zeros(20);
            w.u16(if video.is_some() { 0 } else { 0x100 });
            w.zeros(2);
            matrix(w);
            w.u32(u32::from(width) << 16);
            w.u32(u32::from(height) << 16);
        });
        w.boxed(b"mdia", |w| {
            w.full(b"mdhd", 0, 0, |w| {
                w.zeros(8);
                w.u32(timescale);
                w.u32(0);
                w.u16(0x55c4); // no language said
                w.u16(0);
            });
            w.full(b"hdlr", 0, 0, |w| {
                w.zeros(4);
                w.bytes(if video.is_some() { b"vide" } else { b"soun" });
                w.zeros(13);
            });
            w.boxed(b"minf", |w| {
                match video {
                    Some(_) => w.full(b"vmhd", 0, 1, |w| w.zeros(8)),
                    None => w.full(b"smhd", 0, 0, |w| w.zeros(4)),
                }
                w.boxed(b"dinf", |w| {
                    w.full(b"dref", 0, 0, |w| {
                        w.u32(1);
                        w.full(b"url ", 0, 1, |_| {});
                    });
                });
                w.boxed(b"stbl", |w| {
                    w.full(b"stsd", 0, 0, |w| {
                        w.u32(1);
                        entry(w);
                    });
                    w.full(b"stts", 0, 0, |w| w.u32(0));
                    w.full(b"stsc", 0, 0, |w| w.u32(0));
                    w.full(b"stsz", 0, 0, |w| w.zeros(8));
                    w.full(b"stco", 0, 0, |w| w.u32(0));
                });
            });
        });
    });
}

fn video_entry(w: &mut Writer, video: &VideoFormat) {
    let (entry, record) = match video.codec {
        VideoCodec::Avc => (b"avc1", b"avcC"),
        VideoCodec::Hevc => (b"hvc1", b"hvcC"),
    };
    w.boxed(entry, |w| {
        w.zeros(6);
        w.u16(1);
        w.zeros(16);
        w.u16(video.size.width);
        w.u16(video.size.height);
        w.u32(0x48_0000); // 72 dpi, across and down
        w.u32(0x48_0000);
        w.u32(0);
        w.u16(1);
        w.zeros(32);
        w.u16(24);
        w.u16(0xffff);
        w.boxed(record, |w| w.bytes(&video.record));
    });
}

fn audio_entry(w: &mut Writer, audio: &AudioFormat) {
    w.boxed(b"mp4a", |w| {
        w.zeros(6);
        w.u16(1);
        w.zeros(8);
        w.u16(audio.channels);
        w.u16(16);
        w.u32(0);
        // 16 bits before the point; a higher rate stands in the timescale and the configuration alone.
        w.u16(u16::try_from(audio.rate).unwrap_or_default());
        w.u16(0);
        w.full(b"esds", 0, 0, |w| {
            // ES, decoder configuration, its specific part, sync layer (ISO/IEC 14496-1, 7.2.6). A record is short.
            let length = u8::try_from(audio.record.len()).unwrap_or_default();
            w.bytes(&[3, 23 + length, 0, 2, 0]);
            w.bytes(&[4, 15 + length, 0x40, 0x15]);
            w.zeros(11); // sizes and rates, not said
            w.bytes(&[5, length]);
            w.bytes(&audio.record);
            w.bytes(&[6, 1, 2]);
        });
    });
}

//! What FFmpeg is told.

use super::matroska::{Header, VideoTrack};

/// The longer and the shorter side that a transcoded picture may have.
const LONGEST_SIDE: u32 = 1280;
/// What is not said is taken for this.
const USUAL: (u32, u32) = (1280, 720);
/// A picture of more pixels than 4096 x 2160 is not decoded.
const MOST_PIXELS: &str = "8847360";

/// The arguments that make FLV at standard output of a recording at standard input. No argument depends on where it goes.
pub fn arguments(header: Header) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let mut add = |text: &str| arguments.extend(text.split(' ').map(str::to_owned));
    // Pipes, and no network or file whatever a recording says.
    add("-hide_banner -nostats -loglevel error -protocol_whitelist pipe");
    // Nothing is waited for that the header has said: without these, the first frame comes a second later.
    // (`-fflags nobuffer` would lose the packets that were looked at, and with them the first key frame.)
    add("-probesize 32 -analyzeduration 0 -fpsprobesize 0");
    add(&format!("-max_pixels {MOST_PIXELS} -f matroska -i pipe:0"));
    match header.video {
        // Chromium (156) writes no CodecPrivate: what a decoder needs is in the key frames, and may be another in a later one.
        // Without the filter FLV has it only if the first frame of all is one of video; a slow encoder comes after the sound.
        Some(VideoTrack { h264: true, .. }) => add("-map 0:v:0 -c:v copy -bsf:v h264_mp4toannexb,extract_extradata"),
        Some(track) => {
            let (width, height) = fitted(track);
            let rate = (u64::from(width) * u64::from(height) * 27 / 10 / 1000).clamp(400, 3500);
            // One size, whatever becomes of the recording's: a screen that is shared changes its own.
            add("-map 0:v:0 -vf");
            add(&format!(
                "scale={width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2,\
                 pad={width}:{height}:-1:-1,format=yuv420p"
            ));
            add("-c:v libx264 -preset veryfast -tune zerolatency -profile:v main -threads 2 -fpsmax 30");
            // Firefox has a key frame every seven seconds, whatever is asked for.
            add("-force_key_frames expr:gte(t,n_forced) -sc_threshold 0");
            add(&format!("-b:v {rate}k -maxrate {rate}k -bufsize {rate}k"));
        }
        None => {}
    }
    if header.audio {
        // As Opus has it, so that nothing is resampled; one form for all recordings, as players expect of a stream. The fast
        // coder takes a third off the whole session.
        add("-map 0:a:0 -c:a aac -aac_coder fast -b:a 128k -ar 48000 -ac 2");
    }
    // A track that has fallen silent does not hold up the other.
    add("-max_interleave_delta 100000 -flush_packets 1 -f flv -flvflags no_duration_filesize pipe:1");
    arguments
}

/// The size of the picture after transcoding: even, and no larger than 720p.
fn fitted(track: VideoTrack) -> (u32, u32) {
    let (width, height) = if track.width == 0 || track.height == 0 { USUAL } else { (track.width, track.height) };
    let longest = width.max(height);
    let side = |pixels: u32| {
        let scaled = u64::from(pixels) * u64::from(LONGEST_SIDE.min(longest)) / u64::from(longest);
        (scaled as u32 & !1).max(16)
    };
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(video: Option<VideoTrack>, audio: bool) -> String {
        arguments(Header { video, audio }).join(" ")
    }

    fn vp8(width: u32, height: u32) -> Option<VideoTrack> {
        Some(VideoTrack { h264: false, width, height })
    }

    #[test]
    fn h264_is_copied_and_anything_else_is_transcoded() {
        let copied = line(Some(VideoTrack { h264: true, width: 1280, height: 720 }), true);
        assert!(
            copied.contains("-c:v copy -bsf:v h264_mp4toannexb,extract_extradata") && copied.contains("-c:a aac"),
            "{copied}"
        );
        let transcoded = line(vp8(640, 480), true);
        assert!(transcoded.contains("-c:v libx264") && transcoded.contains("pad=640:480"), "{transcoded}");
    }

    #[test]
    fn what_is_not_there_is_not_asked_for() {
        assert!(!line(vp8(640, 480), false).contains("0:a"));
        assert!(!line(None, true).contains("0:v"));
    }

    #[test]
    fn ffmpeg_has_pipes_and_nothing_else() {
        assert!(
            line(vp8(640, 480), true).starts_with("-hide_banner -nostats -loglevel error -protocol_whitelist pipe ")
        );
    }

    #[test]
    fn a_transcoded_picture_is_even_and_at_most_720p() {
        for ((width, height), fitted) in [
            ((1280, 720), (1280, 720)),
            ((1920, 1080), (1280, 720)),
            ((1080, 1920), (720, 1280)),
            ((641, 361), (640, 360)),
            ((0, 0), (1280, 720)),
            ((1, 4_000_000_000), (16, 1280)),
        ] {
            assert_eq!(super::fitted(VideoTrack { h264: false, width, height }), fitted);
        }
    }
}

#!/usr/bin/env bash
# FFmpeg 8 puts packets into plain enhanced FLV that are neither a start, nor media, nor an end.
#
# One would guess: a live encoder sends a sequence start, then frames, then a sequence end; metadata packets are for HDR,
# channel layouts for surround sound, and a second track says which one it is in whatever it says.
# What happens: HEVC of a plain SDR picture brings a Metadata packet (`colorInfo`), as frame type 5 and after the start;
# Opus in plain stereo brings a MultichannelConfig. Of two H.264 tracks the first is written in the old form and the second
# as OneTrack with its id, but both ends are old ones: the end of the second track reads as a second end of the first.
# What follows: a reader of RTMP or FLV skips packet types that it does not need, instead of refusing them; takes frame type
# 5 for no frame; and does not count ends of tracks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.1
venv/bin/pip list --format freeze | grep -E '^(av|numpy)=='

cat >write.py <<'PYTHON'
import av
import numpy

print("libavformat", ".".join(map(str, av.library_versions["libavformat"])))
H264, HEVC = ("libx264", {"tune": "zerolatency"}), ("libx265", {"x265-params": "log-level=none"})
OLD = {0: "start", 1: "frame", 2: "end"}
NEW = {0: "start", 1: "frame", 2: "end", 3: "frame", 4: "metadata", 6: "one track:"}


def write(path, video, audio=None):
    """Three pictures of each track, and stereo sound where it is asked for."""
    with av.open(path, "w", format="flv") as flv:
        tracks = []
        for codec, options in video:
            track = flv.add_stream(codec, rate=30, options=options)
            track.width, track.height, track.pix_fmt = 320, 240, "yuv420p"
            tracks.append(track)
        sound = flv.add_stream(audio, rate=48000) if audio else None
        if sound:
            sound.layout = "stereo"
        for n in range(3):
            for track in tracks:
                picture = numpy.full((360, 320), 20 * n, dtype=numpy.uint8)
                picture = av.VideoFrame.from_ndarray(picture, format="yuv420p")
                picture.pts = n
                flv.mux(track.encode(picture))
            if sound:
                samples = numpy.zeros((1, 2 * 960), dtype=numpy.int16)
                samples = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
                samples.sample_rate, samples.pts = 48000, 960 * n
                flv.mux(sound.encode(samples))
        for track in tracks + ([sound] if sound else []):
            flv.mux(track.encode(None))


def packets(path, kind):
    """What the FLV tags of a kind (8: audio, 9: video) say that they are."""
    data = open(path, "rb").read()
    at = 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        body = data[at + 11 : at + 11 + size]
        if data[at] == kind == 8:
            packet = body[0] & 15
            yield "multichannel config" if packet == 4 else NEW[packet]
        elif data[at] == kind and body[0] & 128:
            what, frame_type, inner = NEW[body[0] & 15], body[0] >> 4 & 7, body[1]
            of_track = f" {NEW[inner & 15]} track {body[6]}" if what == "one track:" else ""
            yield f"{what}{of_track}" + (" (frame type 5)" if frame_type == 5 else "")
        elif data[at] == kind:
            yield "old " + OLD[body[1]]
        at += 11 + size + 4


def once(said):
    """Without what repeats itself at once."""
    return [what for n, what in enumerate(said) if n == 0 or said[n - 1] != what]


write("hevc.flv", [HEVC])
write("opus.flv", [H264], "libopus")
write("two.flv", [H264, H264])
print("HEVC, SDR:", ", ".join(once(list(packets("hevc.flv", 9)))))
print("Opus, stereo:", ", ".join(once(list(packets("opus.flv", 8)))))
two = list(packets("two.flv", 9))
print("two H.264 tracks:", ", ".join(two[:4]), "...", ", ".join(two[-2:]))
PYTHON
venv/bin/python write.py | tee seen

diff - <(tail -n 3 seen) <<'EXPECTED'
HEVC, SDR: start, metadata (frame type 5), frame
Opus, stereo: start, multichannel config, frame
two H.264 tracks: old start, one track: start track 1, old frame, one track: frame track 1 ... old end, old end
EXPECTED

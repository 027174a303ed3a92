#!/usr/bin/env bash
# FFmpeg 9's filter `extract_extradata` takes lengths of NAL units for start codes, and a good configuration is lost.
#
# One would guess: the filter does what the manual says, it "detects the in-band headers and makes them available as extradata",
# in whichever of the two forms the H.264 is; or it refuses the form that it does not know, or leaves it alone.
# What happens: it looks for start codes, whatever the input is. Of MP4 or Matroska it drops each picture in which it finds none,
# with an error each and exit status 0. But a NAL unit's length of 256 to 511 bytes reads as one: 00 00 01, and a header; that of
# 263 or 295 bytes is the header of an SPS. Such pictures pass. In FLV, an SPS that is none brings an empty sequence header, or
# one of bytes of a picture, and what follows is cut up as Annex B. If each picture has a slice of such a size, as it may where
# slices are made for RTP, nothing is logged. FFmpeg 4.2, 5.1 and 7.0 do so, too.
# What follows: it is `-bsf:v h264_mp4toannexb,extract_extradata`; the first filter leaves Annex B as it is. A test of what
# filters a copy has input of both forms, and small slices.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1
venv/bin/pip list --format freeze | grep -E '^imageio-ffmpeg=='

cat >copy.py <<'PYTHON'
import subprocess

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PICTURES = 120


def ffmpeg(*arguments, check=True):
    return subprocess.run([FFMPEG, "-v", "warning", *arguments], capture_output=True, check=check)


def tags(path):
    """The bodies of the video tags of an FLV."""
    data, at = open(path, "rb").read(), 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        if data[at] == 9:
            yield data[at + 11 : at + 11 + size]
        at += 11 + size + 4


def decoded(path):
    """A hash of each picture. Of what is damaged there are fewer, and an error."""
    return ffmpeg("-i", path, "-f", "framemd5", "-", check=False).stdout


def copy(source, filters):
    done = ffmpeg("-i", source, "-c", "copy", "-bsf:v", filters, "-y", "copy.flv")
    errors = done.stderr.count(b"No start code is found")
    bodies = list(tags("copy.flv"))
    headers = {body for body in bodies if body[1] == 0}
    copied = sum(body[1] == 1 for body in bodies)
    yield f"{copied} pictures" + ("" if decoded("copy.flv") == decoded(source) else ", damaged" if copied else "")
    if any(len(body) == 5 for body in headers):
        yield "an empty configuration on the way"
    else:
        yield "one configuration" if len(headers) == 1 else f"{len(headers)} configurations"
    yield f"{errors} errors" if errors else "no message" if not done.stderr else done.stderr.decode()


print(subprocess.run([FFMPEG, "-version"], capture_output=True, check=True, text=True).stdout.split("\n")[0])
for slices, x264 in (("pictures of one slice", "slices=1"), ("slices of at most 300 bytes", "slice-max-size=300")):
    source = ["-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=30:duration={PICTURES // 30}"]
    coding = ["-c:v", "libx264", "-threads", "1", "-bf", "0", "-pix_fmt", "yuv420p", "-x264-params", x264]
    ffmpeg(*source, *coding, "-y", "h264.mp4")
    for filters in ("extract_extradata", "h264_mp4toannexb,extract_extradata"):
        print(f"{slices}, {filters}: {', '.join(copy('h264.mp4', filters))}")
PYTHON
venv/bin/python copy.py | tee seen

diff - <(tail -n 4 seen) <<'EXPECTED'
pictures of one slice, extract_extradata: 0 pictures, one configuration, 120 errors
pictures of one slice, h264_mp4toannexb,extract_extradata: 120 pictures, one configuration, no message
slices of at most 300 bytes, extract_extradata: 120 pictures, damaged, an empty configuration on the way, no message
slices of at most 300 bytes, h264_mp4toannexb,extract_extradata: 120 pictures, one configuration, no message
EXPECTED

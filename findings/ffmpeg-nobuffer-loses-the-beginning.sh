#!/usr/bin/env bash
# FFmpeg 9 with `-fflags nobuffer` throws away what it has looked at, and the first key frames with it.
#
# One would guess: the flag does what the manual says, "reduce the latency introduced by buffering during initial input
# streams analysis": what has been read comes out sooner, or, at worst, as soon. So say the recipes for live input.
# What happens: the packets that the analysis reads are not kept. A copy begins with the next key frame after them, without a
# message: of Matroska and MP4 with the second key frame, of MPEG-TS, where more is read, with the fourth. With
# `-probesize 32 -analyzeduration 0` Matroska loses as much; FFmpeg 5.1 and 7.0 do so, too. Without the flag, nothing is lost.
# What follows: latency at the start is taken off by a small `-probesize` and `-analyzeduration` alone; and a test of a live
# input compares the time of the first picture that comes out with that of the first that went in.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1
venv/bin/pip list --format freeze | grep -E '^imageio-ffmpeg=='
ffmpeg=$(venv/bin/python -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
"$ffmpeg" -version | head -n 1

# Ten seconds of 30 pictures a second, a key frame every two seconds.
make=("$ffmpeg" -v error -f lavfi -i testsrc2=size=640x360:rate=30:duration=10)
"${make[@]}" -c:v libx264 -g 60 -bf 0 -b:v 1M -pix_fmt yuv420p h264.mkv
"$ffmpeg" -v error -i h264.mkv -c copy -movflags empty_moov+default_base_moof+frag_keyframe h264.mp4
"$ffmpeg" -v error -i h264.mkv -c copy -muxdelay 0 -output_ts_offset 0 h264.ts
"${make[@]}" -f lavfi -i sine=sample_rate=48000:duration=10 -c:v libvpx -deadline realtime -cpu-used 8 -g 60 -b:v 1M \
  -c:a libopus vp8-opus.mkv

# copy FILE OPTIONS: pipes a file through, and says which pictures came out and what was logged.
copy() {
  # shellcheck disable=SC2086
  cat "$1" | "$ffmpeg" -v warning $2 -i pipe:0 -map 0:v -c copy -copyts -f framecrc pipe:1 2>log |
    awk -F, -v what="$1${2:+ $2}" '
      /^#tb/ { split($1, tb, "[ /]"); tick = tb[3] / tb[4] }
      /^[0-9]/ && n++ == 0 { first = $3 * tick }
      END { printf "%s: %d pictures from second %g on", what, n, first }'
  if [ -s log ]; then echo ", and messages"; else echo; fi
}
small="-probesize 32 -analyzeduration 0"
for file in h264.mkv vp8-opus.mkv h264.mp4 h264.ts; do
  for options in "" "-fflags nobuffer"; do copy "$file" "$options"; done
done | tee seen
for options in "$small" "-fflags nobuffer $small"; do copy h264.mkv "$options"; done | tee -a seen

diff - seen <<'EXPECTED'
h264.mkv: 300 pictures from second 0 on
h264.mkv -fflags nobuffer: 240 pictures from second 2 on
vp8-opus.mkv: 300 pictures from second 0 on
vp8-opus.mkv -fflags nobuffer: 240 pictures from second 2 on
h264.mp4: 300 pictures from second 0 on
h264.mp4 -fflags nobuffer: 240 pictures from second 2 on
h264.ts: 300 pictures from second 0 on
h264.ts -fflags nobuffer: 120 pictures from second 6 on
h264.mkv -probesize 32 -analyzeduration 0: 300 pictures from second 0 on
h264.mkv -fflags nobuffer -probesize 32 -analyzeduration 0: 240 pictures from second 2 on
EXPECTED

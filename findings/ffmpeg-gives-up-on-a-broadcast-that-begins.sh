#!/usr/bin/env bash
# FFmpeg 8 opens a live playlist that has no whole segment yet, finds no stream in it, and never asks again.
#
# One would guess: a reader of HLS that comes in the first second of a broadcast waits for the first segment as it waits for
# every later one, by reloading the playlist; or it says that it cannot open it.
# What happens: the playlist is asked for twice at once, `Empty segment` is logged, and opening succeeds, without a stream in
# what was opened and without any further request. So it is with the parts of low-latency HLS and without.
# What follows: a server of low-latency HLS holds its first playlist back until a whole segment is in it, although hls.js would
# play the first part; and who calls FFmpeg's libraries counts the streams of what has opened.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.1
venv/bin/pip list --format freeze | grep -E '^(av|numpy)=='

cat >watch.py <<'PYTHON'
import http.server
import threading
import time

import av
import numpy

print("libavformat", ".".join(map(str, av.library_versions["libavformat"])))
HEAD = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.0
#EXT-X-PART-INF:PART-TARGET=1.0
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="init.mp4"
"""


def broadcast():
    """An initialization segment, and segments of a second."""
    fragmented = {"movflags": "empty_moov+default_base_moof+frag_keyframe"}
    with av.open("broadcast.mp4", "w", format="mp4", options=fragmented) as mp4:
        track = mp4.add_stream("libx264", rate=10, options={"tune": "zerolatency", "g": "10"})
        track.width, track.height, track.pix_fmt = 320, 240, "yuv420p"
        for n in range(60):
            picture = av.VideoFrame.from_ndarray(numpy.full((360, 320), 4 * n, dtype=numpy.uint8), format="yuv420p")
            picture.pts = n
            mp4.mux(track.encode(picture))
        mp4.mux(track.encode(None))
    data, at = open("broadcast.mp4", "rb").read(), 0
    init, segments = b"", []
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        box, at = data[at : at + size], at + size
        if kind in (b"ftyp", b"moov"):
            init += box
        elif kind == b"moof":
            segments.append(box)
        elif kind == b"mdat":
            segments[-1] += box
    return init, segments


INIT, SEGMENTS = broadcast()


class Origin(http.server.BaseHTTPRequestHandler):
    """Serves a broadcast that began some seconds ago, with the part that is under way or without."""

    began, with_part = 0.0, True
    playlists = 0

    def do_GET(self):
        kind = "video/mp4"
        if self.path == "/live.m3u8":
            Origin.playlists += 1
            whole = min(int(time.monotonic() - Origin.began), len(SEGMENTS))
            text = HEAD + "".join(f"#EXTINF:1.0,\n{n}.m4s\n" for n in range(whole))
            if whole == len(SEGMENTS):
                text += "#EXT-X-ENDLIST\n"
            elif Origin.with_part:
                text += f'#EXT-X-PART:DURATION=1.0,URI="{whole}.m4s",INDEPENDENT=YES\n'
            body, kind = text.encode(), "application/vnd.apple.mpegurl"
        elif self.path == "/init.mp4":
            body = INIT
        else:
            body = SEGMENTS[int(self.path[1:].split(".")[0])]
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
threading.Thread(target=server.serve_forever, daemon=True).start()
for ago in (3, 0):
    for with_part in (True, False):
        Origin.began, Origin.with_part, Origin.playlists = time.monotonic() - ago, with_part, 0
        with av.open(f"http://127.0.0.1:{server.server_port}/live.m3u8", timeout=10) as opened:
            streams = len(opened.streams)
            pictures = sum(1 for _ in opened.decode(video=0)) if streams else 0
        asked = f"asked {Origin.playlists} times" if not streams else "plays to the end" if pictures == 60 else f"{pictures} pictures"
        parts = "with a part" if with_part else "without parts"
        print(f"{ago} whole segments, {parts}: opened, streams: {streams}, {asked}")
PYTHON
venv/bin/python watch.py | tee seen

diff - <(tail -n 4 seen) <<'EXPECTED'
3 whole segments, with a part: opened, streams: 1, plays to the end
3 whole segments, without parts: opened, streams: 1, plays to the end
0 whole segments, with a part: opened, streams: 0, asked 2 times
0 whole segments, without parts: opened, streams: 0, asked 2 times
EXPECTED

"""FFmpeg 8, which is inside PyPI's `av`, sends a channel pictures that show the time, and a tone:

    TARGET=rtmp://.../app/KEY encode.py h264|hevc SECONDS

Sixteen bars at the top, white or black, are the milliseconds of the clock, modulo 2^16, when a picture was made. A player's
page reads them back: that is the time from glass to glass.
"""

import os
import sys
import time
from fractions import Fraction

import av
import numpy as np

WIDTH, HEIGHT, BARS, RATE, AUDIO_RATE, SAMPLES = 640, 360, 16, 30, 48_000, 1024
ENCODERS = {
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "g": "30"}),
    "hevc": ("libx265", {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "keyint=30:log-level=error"}),
}


def picture(number):
    pixels = np.full((HEIGHT, WIDTH, 3), 85, np.uint8)
    now = int(time.time() * 1000)
    width = WIDTH // BARS
    for bar in range(BARS):
        pixels[:80, bar * width : (bar + 1) * width] = 255 if now >> bar & 1 else 0
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def tone(start):
    wave = (np.sin(2 * np.pi * 440 * (np.arange(SAMPLES) + start) / AUDIO_RATE) * 0.3).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.repeat(wave[None, :], 2, axis=0), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, start, Fraction(1, AUDIO_RATE)
    return frame


def send(target, codec, seconds):
    name, options = ENCODERS[codec]
    with av.open(target, "w", format="flv") as output:
        video = output.add_stream(name, rate=RATE, options=options)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", 800_000
        audio = output.add_stream("aac", rate=AUDIO_RATE)
        audio.layout, audio.bit_rate = "stereo", 64_000
        begun, samples = time.monotonic(), 0
        for number in range(int(seconds * RATE)):
            output.mux(video.encode(picture(number)))
            while samples / AUDIO_RATE < number / RATE:
                output.mux(audio.encode(tone(samples)))
                samples += SAMPLES
            time.sleep(max(0, begun + (number + 1) / RATE - time.monotonic()))


send(os.environ["TARGET"], sys.argv[1], float(sys.argv[2]))

/** How loud a microphone is, by the Web Audio API. */
export class LevelMeter {
  readonly #context: AudioContext;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  #source: MediaStreamAudioSourceNode | null = null;
  #track: MediaStreamTrack | null = null;

  constructor(context = new AudioContext()) {
    this.#context = context;
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
  }

  /** Listens to that stream's sound from here on. */
  listen(stream: MediaStream | null): void {
    const track = stream?.getAudioTracks()[0] ?? null;
    if (track === this.#track) return;
    this.#source?.disconnect();
    this.#track = track;
    this.#source = track === null ? null : this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source?.connect(this.#analyser);
  }

  /** Browsers may want a click first. */
  wake(): void {
    if (this.#context.state === "suspended") void this.#context.resume();
  }

  /** From 0 (silence, -60 dB and less) to 1. */
  level(): number {
    if (this.#source === null) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return levelOf(this.#samples);
  }
}

/** The level of samples in [-1, 1]: their root mean square, from 0 at -60 dB to 1 at 0 dB. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-12);
  return Math.min(1, Math.max(0, 1 + decibels / 60));
}

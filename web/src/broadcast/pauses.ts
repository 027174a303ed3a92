const PAUSES_MS = [0, 500, 1000, 2000, 4000, 8000];

/**
 * How long to wait before the given attempt (the first is 1) to come back: at once, then longer and longer. Up to a quarter more or less by `random`
 * in [0, 1), so that pages that lost the same server do not come back as one.
 */
export function pauseBefore(attempt: number, random: number): number {
  const pause = PAUSES_MS[Math.min(attempt, PAUSES_MS.length) - 1] ?? 0;
  return Math.round(pause * (0.75 + random / 2));
}

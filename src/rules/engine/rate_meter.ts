import type { RuleCounters } from "../rule.ts";

/** Time between two samples, in milliseconds. */
export const SAMPLE_MS = 10_000;
/** Samples that make five minutes. */
const SAMPLES = 30;

/**
 * Counts matches and how many there are in a second. Whoever owns many of these samples them all every `SAMPLE_MS`; one
 * that never counted anything costs nothing then.
 */
export class RateMeter {
  matched = 0;
  #sampled = 0;
  #speed = 0;
  #speedMax = 0;
  /** Matches of each of the last samples, in a ring. */
  #samples: number[] | undefined;
  #sampleCount = 0;
  #sum = 0;

  sample(): void {
    const count = this.matched - this.#sampled;
    if (count === 0 && this.#samples === undefined) return;
    this.#sampled = this.matched;
    const samples = this.#samples ??= [];
    const place = this.#sampleCount++ % SAMPLES;
    this.#sum += count - (samples[place] ?? 0);
    samples[place] = count;
    this.#speed = perSecond(count, 1);
    this.#speedMax = Math.max(this.#speedMax, this.#speed);
    if (this.#sum === 0 && this.#sampleCount >= SAMPLES) this.#samples = undefined;
    if (this.#samples === undefined) this.#sampleCount = 0;
  }

  view(): RuleCounters {
    return {
      matched: this.matched,
      speed: this.#speed,
      speedMax: this.#speedMax,
      speedLast5m: perSecond(this.#sum, Math.min(SAMPLES, Math.max(1, this.#sampleCount))),
    };
  }
}

/** With two decimals. */
function perSecond(count: number, samples: number): number {
  return Math.round(count / samples / (SAMPLE_MS / 1000) * 100) / 100;
}

/** Counts by latency, in buckets of about 1.6 %: cheap enough for every message. */

/** Buckets for each doubling; below this every microsecond has its own. */
const STEPS = 64;
const STEP_BITS = 6;
const BUCKETS = STEPS * 27;

function bucketOf(us: number): number {
  if (us < STEPS) return us;
  const shift = 31 - Math.clz32(us) - STEP_BITS;
  return (shift + 1) * STEPS + (us >>> shift) - STEPS;
}

/** The middle of a bucket. */
function valueOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  const lowest = (bucket % STEPS + STEPS) * 2 ** shift;
  return lowest + Math.floor((2 ** shift - 1) / 2);
}

/** Latencies in whole microseconds, up to 35 minutes. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  get maxUs(): number {
    return this.#max;
  }

  record(us: number): void {
    this.#count++;
    if (us > this.#max) this.#max = us;
    const bucket = bucketOf(us < 0 ? 0 : us);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }

  /** The latency that `fraction` of all stay at or below; NaN without any. */
  quantileUs(fraction: number): number {
    if (this.#count === 0) return NaN;
    const wanted = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= wanted) return Math.min(valueOf(bucket), this.#max);
    }
    return this.#max;
  }
}

import { assert } from "./assert.ts";

const UINT32_COUNT = 0x1_0000_0000;

/**
 * A seeded generator of pseudo-random numbers, for jitter, load spreading and repeatable tests.
 *
 * The same seed gives the same sequence on every runtime. Nothing secret may depend on it. The
 * algorithm is sfc32 (a counter mixed into a chaotic state of 96 bits; passes PractRand).
 */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / UINT32_COUNT) >>> 0;
    this.#c = 0x9e3779b9;
    // The first outputs of neighbouring seeds resemble each other: skip them.
    for (let round = 0; round < 12; round++) this.nextUint32();
  }

  /** Uniform in 0 … 2^32 - 1. */
  nextUint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1), with 32 bits of resolution. */
  nextFloat(): number {
    return this.nextUint32() / UINT32_COUNT;
  }

  /** A whole number in 0 … `below` - 1. `below` is 1 … 2^32. */
  nextInt(below: number): number {
    assert(below >= 1 && below <= UINT32_COUNT, "a range of whole numbers has 1 to 2^32 members");
    return Math.floor(this.nextFloat() * below);
  }

  /** True with the given probability. */
  nextBoolean(probability = 0.5): boolean {
    return this.nextFloat() < probability;
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, "there is something to pick from");
    return items[this.nextInt(items.length)] as T;
  }

  /** Puts `items` in random order, in place. */
  shuffle<T>(items: T[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.nextInt(i + 1);
      const item = items[i] as T;
      items[i] = items[j] as T;
      items[j] = item;
    }
  }
}

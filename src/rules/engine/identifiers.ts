import type { Clock } from "../../base/mod.ts";

const NS_PER_MS = 1_000_000n;

/** Makes the names of rules and of their actions; none twice in a run, whatever the clock does. */
export class Identifiers {
  readonly #clock: Clock;
  #last = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As EMQX 3.1 has it: "name:1556263150688255821"; none that `isTaken` knows, of a run whose clock was ahead. */
  ofLegacyRule(name: string, isTaken: (id: string) => boolean): string {
    while (true) {
      const id = `${name}:${this.#nanoseconds()}`;
      if (!isTaken(id)) return id;
    }
  }

  /** As EMQX 3.2 has it: "rule:" and eight hexadecimal digits that `isTaken` does not know. */
  ofRule(isTaken: (id: string) => boolean): string {
    while (true) {
      const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
      const id = `rule:${random.toString(16).padStart(8, "0")}`;
      if (!isTaken(id)) return id;
    }
  }

  /** Of one action of one rule. */
  ofAction(name: string): string {
    return `${name}_${this.#nanoseconds()}`;
  }

  #nanoseconds(): bigint {
    const now = BigInt(Math.trunc(this.#clock.nowMs())) * NS_PER_MS;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last;
  }
}

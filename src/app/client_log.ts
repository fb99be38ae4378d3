import { LimitedLogger } from "../base/mod.ts";
import type { IntervalHandle } from "../runtime/mod.ts";
import type { ServerContext } from "./application.ts";

/** How often it is told how many lines were left out. */
const TELL_MS = 10_000;

/** The log of what others can cause as often as they like: whoever tries passwords must not fill the disk with it. */
export class ClientLog {
  readonly logger: LimitedLogger;
  readonly #interval: IntervalHandle;

  /** `linesPerSecond`: `limits.client_log_rate`. */
  constructor({ runtime, clock, logger }: ServerContext, linesPerSecond: () => number) {
    this.logger = new LimitedLogger(logger, clock, linesPerSecond);
    this.#interval = runtime.every(TELL_MS, () => this.logger.tell());
  }

  /** What was left out last is told now. */
  close(): void {
    this.#interval.stop();
    this.logger.tell();
  }
}

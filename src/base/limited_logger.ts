import type { Clock } from "./clock.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";

/** What is said at these levels is limited; who asks for more wants to see all of it. */
type LimitedLevel = "error" | "warn" | "info";

const PERIOD_MS = 1000;
/** Messages are words of the program, so there are few; what comes beyond this is limited together. */
const KINDS_MAX = 256;
const OTHERS = "Other lines";

/** Lines with the same message. */
interface LineKind {
  readonly message: string;
  sinceMs: number;
  written: number;
  /** Since the last `tell`. */
  leftOut: number;
  leftOutSinceMs: number;
  leftOutLevel: LimitedLevel;
}

/**
 * A logger for what others can cause as often as they like: refused clients, broken packets, wrong passwords. Of each
 * message it writes the first lines of a second and counts the rest, which `tell` sums up.
 */
export class LimitedLogger implements Logger {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #linesPerSecond: () => number;
  readonly #kinds = new Map<string, LineKind>();
  /** Lines that were not written, of all kinds. */
  leftOut = 0;

  /** `linesPerSecond`: of each message; 0: no limit. Asked for every line, so that it may change. */
  constructor(logger: Logger, clock: Clock, linesPerSecond: () => number) {
    this.#logger = logger;
    this.#clock = clock;
    this.#linesPerSecond = linesPerSecond;
  }

  isEnabled(level: LogLevel): boolean {
    return this.#logger.isEnabled(level);
  }

  error(message: string, fields?: LogFields): void {
    this.#log("error", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log("warn", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log("info", message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#logger.debug(message, fields);
  }

  trace(message: string, fields?: LogFields): void {
    this.#logger.trace(message, fields);
  }

  /** One line for each message of which some were left out since the last call. */
  tell(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const kind of this.#kinds.values()) {
      const { message, leftOut, leftOutLevel } = kind;
      if (leftOut === 0) continue;
      kind.leftOut = 0;
      const seconds = Math.max(1, Math.round((nowMs - kind.leftOutSinceMs) / 1000));
      const count = leftOut.toLocaleString("en-US");
      const text = `${message}: …and ${count} more in the last ${seconds} s`;
      this.#logger[leftOutLevel](text, { leftOut });
    }
  }

  #log(level: LimitedLevel, message: string, fields: LogFields | undefined): void {
    if (!this.#logger.isEnabled(level)) return;
    if (this.#takes(level, message)) this.#logger[level](message, fields);
  }

  #takes(level: LimitedLevel, message: string): boolean {
    const linesMax = this.#linesPerSecond();
    if (linesMax === 0) return true;
    const nowMs = this.#clock.monotonicMs();
    const kind = this.#kindOf(message);
    if (nowMs - kind.sinceMs >= PERIOD_MS) {
      kind.sinceMs = nowMs;
      kind.written = 0;
    }
    if (kind.written < linesMax) {
      kind.written++;
      return true;
    }
    if (kind.leftOut === 0) kind.leftOutSinceMs = nowMs;
    kind.leftOut++;
    kind.leftOutLevel = level;
    this.leftOut++;
    return false;
  }

  #kindOf(message: string): LineKind {
    const known = this.#kinds.get(message);
    if (known !== undefined) return known;
    if (this.#kinds.size >= KINDS_MAX && message !== OTHERS) return this.#kindOf(OTHERS);
    const kind: LineKind = {
      message,
      sinceMs: -Infinity,
      written: 0,
      leftOut: 0,
      leftOutSinceMs: 0,
      leftOutLevel: "info",
    };
    this.#kinds.set(message, kind);
    return kind;
  }
}

const PROCESS_MAX = 0xffff_ffff;

/** What a series of identifiers is made from. */
export interface MessageIdSource {
  /** Twelve random bytes, drawn once. */
  readonly randomBytes: Uint8Array;
  readonly pid: number;
  /** Wall clock. */
  nowMs(): number;
}

/**
 * Identifiers of messages as `X-Message-Id` has them: 32 upper-case hexadecimal digits. They stand for four bytes
 * in the place of an address, which would tell where we are, two of the process number, four of a process mark, four of
 * the milliseconds of this month, and a counter of two. No two of one process are the same.
 */
export class MessageIds {
  readonly #source: MessageIdSource;
  readonly #host: string;
  readonly #pid: string;
  #mark: number;
  #monthStartMs = 0;
  #nextMonthMs = 0;
  #lastMs = -1;
  #counter = 0;

  constructor(source: MessageIdSource) {
    this.#source = source;
    const view = new DataView(source.randomBytes.buffer, source.randomBytes.byteOffset);
    this.#host = hex(view.getUint32(0), 8);
    this.#pid = hex(source.pid & 0xffff, 4);
    this.#mark = view.getUint32(4);
    this.#counter = view.getUint16(8);
  }

  next(): string {
    // A clock that is set back must not bring an identifier back.
    const nowMs = Math.max(this.#source.nowMs(), this.#lastMs);
    this.#lastMs = nowMs;
    if (nowMs >= this.#nextMonthMs) this.#beginMonth(nowMs);
    this.#counter = (this.#counter + 1) & 0xffff;
    const sinceMonth = hex(nowMs - this.#monthStartMs, 8);
    return `${this.#host}${this.#pid}${hex(this.#mark, 8)}${sinceMonth}${hex(this.#counter, 4)}`;
  }

  /** The milliseconds begin again, so the mark has to be another one. */
  #beginMonth(nowMs: number): void {
    const now = new Date(nowMs);
    const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
    this.#monthStartMs = Date.UTC(year, month, 1);
    this.#nextMonthMs = Date.UTC(year, month + 1, 1);
    this.#mark = this.#mark === PROCESS_MAX ? 0 : this.#mark + 1;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

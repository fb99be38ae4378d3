import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

/** What came of one value: usable, or refused with a remark that `allowed` does not make. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly remark?: string };

/** One kind of value: how it is read and how it is explained. */
export interface Kind<T> {
  /** What may stand there, for messages and tables: "integer from 0 to 2". */
  readonly allowed: string;
  /** Whether an unquoted value from the command line or the environment is this text as it is. */
  readonly isText: boolean;
  /** Whether values must never be shown. */
  readonly isSecret?: boolean;
  /** Whether an unquoted value from the command line or the environment is a list of texts, with commas between them. */
  readonly isList?: boolean;
  /** Whether values are paths of files that must be readable. */
  readonly isFile?: boolean;
  /** Whether it is a table with names that the operator chooses. */
  readonly isMap?: boolean;
  read(value: unknown): Reading<T>;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Not usable, and `allowed` says it all. */
export const REFUSED: Reading<never> = { ok: false };

export function boolean(): Kind<boolean> {
  return {
    allowed: "true or false",
    isText: false,
    read: (value) => typeof value === "boolean" ? { ok: true, value } : REFUSED,
  };
}

export function integer(range: Range): Kind<number> {
  return {
    allowed: `integer ${span(range, String)}`,
    isText: false,
    read: (value) => inRange(Number.isSafeInteger(value) ? value as number : undefined, range),
  };
}

export function decimal(range: Range): Kind<number> {
  return {
    allowed: `number ${span(range, String)}`,
    isText: false,
    read: (value) => inRange(typeof value === "number" ? value : undefined, range),
  };
}

/** One of some numbers, as a type. */
export function oneOf<const T extends number>(numbers: readonly T[]): Kind<T> {
  return {
    allowed: numbers.join(", "),
    isText: false,
    read: (value) => {
      const chosen = numbers.find((number) => number === value);
      return chosen === undefined ? REFUSED : { ok: true, value: chosen };
    },
  };
}

/** Bytes: a number, or text such as "64KB" or "1MB" (by the 1024). */
export function size(range: Range): Kind<number> {
  return {
    allowed: `size ${span(range, (bytes) => `"${formatSize(bytes)}"`)}, or a number of bytes`,
    isText: false,
    read: (value) => {
      const bytes = typeof value === "string" ? parseSize(value) : value;
      return inRange(Number.isSafeInteger(bytes) ? bytes as number : undefined, range);
    },
  };
}

/** A span of time, read to milliseconds: text such as "2ms" or "1h30m", or a number of seconds. */
export function durationMs(range: Range): Kind<number> {
  return {
    allowed: `duration ${span(range, (ms) => `"${formatDuration(ms)}"`)}, or a number of seconds`,
    isText: false,
    read: (value) => inRange(toMs(value), range),
  };
}

/** As `durationMs`, but read to seconds, because the protocol counts it in whole ones. */
export function durationS(range: Range): Kind<number> {
  const edges = span(range, (seconds) => `"${formatDuration(seconds * 1000)}"`);
  // The most that four bytes can say is no number that a unit of time would make clearer.
  const isAnyLength = range.max === 0xffff_ffff;
  return {
    allowed: isAnyLength
      ? `duration in whole seconds, or a number of seconds ${span(range, String)}`
      : `duration ${edges} in whole seconds, or a number of seconds`,
    isText: false,
    read: (value) => {
      const ms = toMs(value);
      return inRange(ms !== undefined && ms % 1000 === 0 ? ms / 1000 : undefined, range);
    },
  };
}

/** Bytes in a second, as `size`; 0: no limit. */
export function byteRate(): Kind<number> {
  const kind = size({ min: 0, max: Number.MAX_SAFE_INTEGER });
  return { ...kind, allowed: 'size, such as "64KB", or a number of bytes; 0 for no limit' };
}

/** The value for a message, short and on one line. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a date";
  return value !== null && typeof value === "object" ? "a table" : "nothing";
}

/** As `describeValue`, without anything that the value says. */
export function describeType(value: unknown): string {
  if (typeof value === "string") return value === "" ? "empty text" : "text, which is not shown";
  if (typeof value === "number") return "a number";
  return describeValue(value);
}

function toMs(value: unknown): number | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return parseDuration(String(value));
  return typeof value === "string" ? parseDuration(value) : undefined;
}

function inRange(value: number | undefined, { min, max }: Range): Reading<number> {
  return value !== undefined && value >= min && value <= max ? { ok: true, value } : REFUSED;
}

function span({ min, max }: Range, format: (value: number) => string): string {
  return max >= Number.MAX_SAFE_INTEGER
    ? `from ${format(min)}`
    : `from ${format(min)} to ${format(max)}`;
}

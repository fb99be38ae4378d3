import type { Clock } from "./clock.ts";
import { shorten } from "./shorten.ts";

/** From the most to the least urgent; a level contains all levels before it. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

/** Section `[log]`. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/**
 * What may stand beside a message. Bytes and nested objects are left out on purpose: payloads and
 * passwords cannot get into the log by accident.
 */
export type LogValue = string | number | boolean | bigint | null | undefined | Error;
export type LogFields = Readonly<Record<string, LogValue>>;

/**
 * Where every part says what happened. A call below the level costs one comparison and the making
 * of its arguments; where these are not free, the caller asks `isEnabled` first.
 */
export interface Logger {
  isEnabled(level: LogLevel): boolean;
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
}

/** Writes one line for each entry, whatever the entry contains. */
export class LineLogger implements Logger {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  #threshold = 0;
  #format: LogFormat = "text";

  /** `write` receives whole lines, each with its line feed. */
  constructor(options: LogOptions, clock: Clock, write: (line: string) => void) {
    this.#clock = clock;
    this.#write = write;
    this.configure(options);
  }

  /** Changes level and format from the next entry on. */
  configure(options: LogOptions): void {
    this.#threshold = LOG_LEVELS.indexOf(options.level);
    this.#format = options.format;
  }

  isEnabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) <= this.#threshold;
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
    this.#log("debug", message, fields);
  }

  trace(message: string, fields?: LogFields): void {
    this.#log("trace", message, fields);
  }

  #log(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (!this.isEnabled(level)) return;
    const time = new Date(this.#clock.nowMs()).toISOString();
    const line = this.#format === "json"
      ? jsonLine(time, level, message, fields)
      : textLine(time, level, message, fields);
    this.#write(line);
  }
}

/** Says nothing: for tests and for parts that are used without a broker. */
export const SILENT_LOGGER: Logger = Object.freeze({
  isEnabled: () => false,
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
});

/** Names under which a value is never written: the second lock, should a caller forget. */
const SECRET_NAME = /password|passwd|secret|token|credential|private_?key/i;
const RESERVED_NAMES = new Set(["time", "level", "message"]);
const WIDEST_LEVEL = 5;
/** Of one value: clients choose names of up to 65,535 bytes. An error has a stack. */
const VALUE_LENGTH_MAX = 1024;
const ERROR_LENGTH_MAX = 8192;

function textLine(
  time: string,
  level: LogLevel,
  message: string,
  fields: LogFields | undefined,
): string {
  let line = `${time} ${level.padEnd(WIDEST_LEVEL)} ${escapeControls(message)}`;
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value !== undefined) line += ` ${name}=${textValue(plainValue(name, value))}`;
  }
  return line + "\n";
}

function jsonLine(
  time: string,
  level: LogLevel,
  message: string,
  fields: LogFields | undefined,
): string {
  const entry: Record<string, unknown> = { time, level, message };
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value === undefined) continue;
    entry[RESERVED_NAMES.has(name) ? `${name}_` : name] = plainValue(name, value);
  }
  return escapeControls(JSON.stringify(entry)) + "\n";
}

function plainValue(name: string, value: LogValue): string | number | boolean | null {
  if (SECRET_NAME.test(name)) return "***";
  if (value instanceof Error) return shorten(errorText(value), ERROR_LENGTH_MAX);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "string") {
    return shorten(value, name === "error" ? ERROR_LENGTH_MAX : VALUE_LENGTH_MAX);
  }
  return value ?? null;
}

/** With its causes, but not endlessly: an error may be its own cause. */
function errorText(error: Error, depth = 0): string {
  const text = `${error.name}: ${error.message}`;
  if (!(error.cause instanceof Error) || depth === 4) return text;
  return `${text} (because of ${errorText(error.cause, depth + 1)})`;
}

/** Quoted unless it is one plain word, so that a line can be taken apart again. */
function textValue(value: string | number | boolean | null): string {
  if (typeof value !== "string") return String(value);
  return /^[\w.:/@+#$%\[\]-]+$/.test(value) ? value : escapeControls(JSON.stringify(value));
}

/**
 * Whatever a terminal or a line reader would take for more than a character, as an escape: clients
 * choose their names, and must not be able to write lines of their own.
 */
function escapeControls(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

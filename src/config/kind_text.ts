import { parseIpNetwork } from "../base/mod.ts";
import type { JsonValue } from "../ports/mod.ts";
import { type Bind, parseEndpoint } from "./address.ts";
import { type Kind, type Reading, REFUSED } from "./kind.ts";

/** Some text on one line, without control characters. */
export function text(options: { readonly maxLength: number }): Kind<string> {
  return {
    allowed: `text of 1 to ${options.maxLength} characters, none of them a control character`,
    isText: true,
    read: (value) => isLine(value, options.maxLength) ? { ok: true, value } : REFUSED,
  };
}

/** Some text on any number of lines. */
export function lines(options: { readonly maxLength: number }): Kind<string> {
  return {
    allowed: `text of 1 to ${options.maxLength} characters, on one line or more`,
    isText: true,
    read: (value) => {
      const isFine = typeof value === "string" && value.trim() !== "" &&
        value.length <= options.maxLength && !/\p{Cc}/u.test(value.replaceAll(/[\t\r\n]/g, ""));
      return isFine ? { ok: true, value } : REFUSED;
    },
  };
}

/** As `kind`, and empty text. */
export function orEmpty(kind: Kind<string>): Kind<string> {
  return {
    ...kind,
    allowed: `${kind.allowed}; or ""`,
    read: (value) => value === "" ? { ok: true, value } : kind.read(value),
  };
}

/** As `kind`, and empty text, which is read as undefined. */
export function orNone(kind: Kind<string>): Kind<string | undefined> {
  return {
    ...kind,
    allowed: `${kind.allowed}; or ""`,
    read: (value) => value === "" ? { ok: true, value: undefined } : kind.read(value),
  };
}

const PATH_MAX_LENGTH = 4096;

/** Path of a file, from the working directory where it is not absolute. */
export function filePath(): Kind<string> {
  return { ...text({ maxLength: PATH_MAX_LENGTH }), allowed: "path of a file", isFile: true };
}

/** Text that nobody may see: no message and no query ever shows it. */
export function secret(options: { readonly minLength?: number } = {}): Kind<string> {
  const minLength = options.minLength ?? 1;
  return {
    allowed: `secret text of ${minLength} to ${SECRET_MAX_LENGTH} characters`,
    isText: true,
    isSecret: true,
    read: (value) => {
      const isFine = typeof value === "string" && value.length >= minLength &&
        value.length <= SECRET_MAX_LENGTH && !/[\0\r\n]/.test(value);
      return isFine ? { ok: true, value } : REFUSED;
    },
  };
}

const SECRET_MAX_LENGTH = 4096;

/** One of some words. `later` are words of the contract that this version has no code for. */
export function choice<const T extends string>(
  words: readonly T[],
  later: readonly string[] = [],
): Kind<T> {
  return {
    allowed: words.map((word) => `"${word}"`).join(", "),
    isText: true,
    read: (value) => {
      const chosen = words.find((word) => word === value);
      if (chosen !== undefined) return { ok: true, value: chosen };
      const isLater = later.some((word) => word === value);
      return isLater ? { ok: false, remark: "not in this version" } : REFUSED;
    },
  };
}

/** Text that a test of the caller takes; `allowed` says which. */
export function textLike(allowed: string, isFine: (text: string) => boolean): Kind<string> {
  return {
    allowed,
    isText: true,
    read: (value) => isLine(value, 65_535) && isFine(value) ? { ok: true, value } : REFUSED,
  };
}

/** Address of an HTTP server. */
export function httpUrl(): Kind<string> {
  return textLike("URL with http or https", (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== "";
  });
}

const LIST_MAX_LENGTH = 10_000;

/** An array; from the environment and the command line also words with commas between them. */
export function list<T>(
  element: Kind<T>,
  options: { readonly minLength?: number } = {},
): Kind<readonly T[]> {
  const minLength = options.minLength ?? 0;
  return {
    allowed: `array of ${minLength > 0 ? `${minLength} or more of ` : ""}${element.allowed}`,
    isText: false,
    isSecret: element.isSecret ?? false,
    isList: element.isText,
    read: (value) => {
      if (!Array.isArray(value) || value.length < minLength || value.length > LIST_MAX_LENGTH) {
        return REFUSED;
      }
      return readEach(value, element);
    },
  };
}

function readEach<T>(values: readonly unknown[], element: Kind<T>): Reading<readonly T[]> {
  const read: T[] = [];
  for (const [index, value] of values.entries()) {
    const reading = element.read(value);
    if (!reading.ok) {
      const shown = element.isSecret === true || typeof value !== "string"
        ? `entry ${index} cannot be used`
        : `entry ${index} is ${JSON.stringify(value.slice(0, 60))}`;
      return { ok: false, remark: reading.remark ?? shown };
    }
    read.push(reading.value);
  }
  return { ok: true, value: read };
}

const MAP_MAX_SIZE = 1000;

/** A table with names of the operator's and text as values, read to pairs: `{ name = "text" }`. */
export function textPairs(
  options: { readonly isSecret: boolean },
): Kind<readonly (readonly [name: string, value: string])[]> {
  return {
    allowed: `table of ${options.isSecret ? "secret " : ""}texts, { name = "text" }`,
    isText: false,
    isSecret: options.isSecret,
    isMap: true,
    read: (value) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return REFUSED;
      const pairs = Object.entries(value);
      const isFine = pairs.length <= MAP_MAX_SIZE &&
        pairs.every(([name, each]) => name !== "" && isLine(each, PATH_MAX_LENGTH));
      return isFine
        ? { ok: true, value: pairs as [string, string][] }
        : { ok: false, remark: "one of its values is no text on one line" };
    },
  };
}

/** Levels of tables and arrays within each other. */
const JSON_DEPTH_MAX = 32;

/** A table with names of the operator's, and values as JSON has them: no points in time, no infinite numbers. */
export function jsonTable(
  options: { readonly isSecret: boolean },
): Kind<{ readonly [name: string]: JsonValue }> {
  return {
    allowed: `table of ${options.isSecret ? "secret " : ""}values, { name = 1, other = "text" }`,
    isText: false,
    isSecret: options.isSecret,
    isMap: true,
    read: (value) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return REFUSED;
      return isJson(value, 0)
        ? { ok: true, value: value as { readonly [name: string]: JsonValue } }
        : { ok: false, remark: "one of its values is none that JSON has" };
    },
  };
}

function isJson(value: unknown, depth: number): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value !== "object" || value === null || value instanceof Date) return false;
  return depth < JSON_DEPTH_MAX &&
    Object.values(value).every((each: unknown) => isJson(each, depth + 1));
}

/** An address or a network: "192.0.2.7", "10.0.0.0/8", "2001:db8::/32". */
export function network(): Kind<string> {
  return textLike(
    'address or network, such as "192.0.2.7", "10.0.0.0/8" or "2001:db8::/32"',
    (text) => parseIpNetwork(text) !== undefined,
  );
}

/** Where to listen, as `host:port`. */
export function bind(): Kind<Bind> {
  const endpoint = bindOrSocket();
  return {
    allowed: '"host:port" with a port up to 65535, such as "127.0.0.1:1883" or "[::1]:1883"',
    isText: true,
    read: (value) => {
      const reading = endpoint.read(value);
      return reading.ok && reading.value.socketPath === undefined ? reading : REFUSED;
    },
  };
}

/** Where to listen: as `host:port`, or the path of a Unix socket. */
export function bindOrSocket(): Kind<Bind> {
  return {
    allowed: '"host:port" with a port up to 65535, such as "127.0.0.1:1883" or "[::1]:1883"; ' +
      'for type "unix" a path, "/run/broker.sock" or "unix:broker.sock"',
    isText: true,
    read: (value) => {
      const parsed = typeof value === "string" ? parseEndpoint(value) : undefined;
      return parsed === undefined ? REFUSED : { ok: true, value: parsed };
    },
  };
}

function isLine(value: unknown, maxLength: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxLength &&
    !/\p{Cc}/u.test(value);
}

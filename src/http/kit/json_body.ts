/** Levels of arrays and objects that a body may have. */
export const JSON_DEPTH_MAX = 32;

export type JsonResult =
  | { readonly ok: true; readonly value: unknown; readonly text: string }
  | { readonly ok: false; readonly problem: string };

/** Strict: no byte order mark is kept, no malformed byte replaced. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads a JSON text: UTF-8 without a fault, no deeper than `JSON_DEPTH_MAX`, no name twice in one object. */
export function parseJson(bytes: Uint8Array): JsonResult {
  if (bytes.length === 0) return failed("the body is empty");
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return failed("the body is not UTF-8");
  }
  // Before the parser sees it: one of the runtimes' goes as deep as the stack.
  if (depthOf(text) > JSON_DEPTH_MAX) return failed(`it is deeper than ${JSON_DEPTH_MAX} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return failed("the body is not JSON");
  }
  const twice = repeatedName(text);
  if (twice !== undefined) return failed(`"${twice.slice(0, 60)}" stands twice in one object`);
  return { ok: true, value, text };
}

function failed(problem: string): JsonResult {
  return { ok: false, problem: `Cannot read the body: ${problem}` };
}

/** Levels of brackets outside of strings, whether or not the rest is JSON. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x5d || code === 0x7d) depth--;
  }
  return deepest;
}

/** Index of the closing quote, or the end. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at++;
    else if (code === 0x22) return at;
  }
  return text.length;
}

/** A name that one object has twice. `text` is JSON. */
function repeatedName(text: string): string | undefined {
  /** Names of the objects around; undefined for an array, and for an object that has none yet. */
  const around: (Set<string> | undefined)[] = [];
  let isNameNext = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const end = endOfString(text, at);
      if (isNameNext) {
        const name = JSON.parse(text.slice(at, end + 1)) as string;
        const names = around[around.length - 1] ??= new Set();
        if (names.has(name)) return name;
        names.add(name);
        isNameNext = false;
      }
      at = end;
    } else if (code === 0x7b) {
      around.push(undefined);
      isNameNext = true;
    } else if (code === 0x5b) {
      around.push(undefined);
      isNameNext = false;
    } else if (code === 0x7d || code === 0x5d) {
      around.pop();
      isNameNext = false;
    } else if (code === 0x2c) {
      // Only an object has names: an array never made a set.
      isNameNext = around[around.length - 1] !== undefined;
    }
  }
  return undefined;
}

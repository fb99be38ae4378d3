import { utf8Length } from "../../mqtt/mod.ts";
import { EvaluationFailure } from "./failure.ts";
import { JSON_DEPTH_MAX, RESULT_BYTES_MAX } from "./limits.ts";
import { isObject, type SqlObject, type SqlValue } from "./value.ts";

const NO_MEMBERS: SqlObject = Object.freeze({});
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What `payload.…` looks into: no members where the payload is no JSON, or no object. Too large or deep: a failure. */
export function decodePayload(text: string): SqlObject {
  const value = decodeJson(text);
  return isObject(value) ? value : NO_MEMBERS;
}

/** Undefined for what is no JSON. Too large or too deep is a failure, before any time is spent on it. */
export function decodeJson(text: string): SqlValue {
  checkSize(text);
  if (isDeep(text)) throw new EvaluationFailure(`JSON is deeper than ${JSON_DEPTH_MAX}`);
  try {
    return JSON.parse(text) as SqlValue;
  } catch {
    return undefined;
  }
}

function checkSize(text: string): void {
  if (text.length <= RESULT_BYTES_MAX / 3) return;
  if (text.length > RESULT_BYTES_MAX || utf8Length(text) > RESULT_BYTES_MAX) {
    throw new EvaluationFailure(`JSON is larger than ${RESULT_BYTES_MAX} bytes`);
  }
}

function isDeep(text: string): boolean {
  // So many brackets are rare; without them nobody has to look at each character.
  if (text.length <= JSON_DEPTH_MAX || !hasManyBrackets(text)) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++) {
        if (text.charCodeAt(at) === BACKSLASH) at++;
      }
    } else if (unit === 0x7b || unit === 0x5b) { // an opening bracket
      if (++depth > JSON_DEPTH_MAX) return true;
    } else if (unit === 0x7d || unit === 0x5d) depth--;
  }
  return false;
}

function hasManyBrackets(text: string): boolean {
  let count = 0;
  for (const bracket of ["{", "["]) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++count > JSON_DEPTH_MAX) return true;
    }
  }
  return false;
}

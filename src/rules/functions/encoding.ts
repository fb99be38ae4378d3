import { decodeUtf8, encodeUtf8, isWellFormedUtf8 } from "../../mqtt/mod.ts";
import { hexDigest } from "../../runtime/mod.ts";
import { EvaluationFailure } from "../sql/failure.ts";
import { decodeJson } from "../sql/json.ts";
import { RESULT_BYTES_MAX } from "../sql/limits.ts";
import type { SqlValue } from "../sql/value.ts";
import { refuse, textOf } from "./arguments.ts";
import type { FunctionTable, ValueFunction } from "./function.ts";

export const HASH_FUNCTIONS: FunctionTable = {
  md5: ofText((text) => hexDigest("md5", text)),
  sha: ofText((text) => hexDigest("sha1", text)),
  sha256: ofText((text) => hexDigest("sha256", text)),
};

export const ENCODING_FUNCTIONS: FunctionTable = {
  "base64_encode": ofText(encodeBase64),
  "base64_decode": ofText(decodeBase64),
  "json_encode": {
    kind: "value",
    arities: [1],
    apply: (value) => value === undefined ? refuse("a value", value) : JSON.stringify(value),
  },
  "json_decode": ofText((text) => {
    const value = decodeJson(text);
    return value === undefined ? refuse("JSON", text) : value;
  }),
};

function ofText(compute: (text: string) => SqlValue): ValueFunction {
  return { kind: "value", arities: [1], apply: (text) => compute(textOf(text)) };
}

function encodeBase64(text: string): string {
  if (text.length > RESULT_BYTES_MAX) {
    throw new EvaluationFailure(`a text is larger than ${RESULT_BYTES_MAX} bytes`);
  }
  const chunks: string[] = [];
  const bytes = encodeUtf8(text);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    chunks.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES)));
  }
  return btoa(chunks.join(""));
}

/** As many arguments as a call can take without harm. */
const CHUNK_BYTES = 8192;

/** Bytes that are no UTF-8 are refused: a text could not hold them. */
function decodeBase64(text: string): string {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return refuse("base64", text);
  }
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  if (!isWellFormedUtf8(bytes, 0, bytes.length)) return refuse("base64 of UTF-8", text);
  return decodeUtf8(bytes, 0, bytes.length);
}

/*
 * SASLprep (RFC 4013), the profile of stringprep that SCRAM asks for, with the character properties that the runtime's
 * Unicode tables have: names that are written differently and look the same become the same.
 */

/** RFC 3454, table B.1: they leave nothing. */
const TO_NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** Table C.1.2. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;
/** Tables C.2 to C.9: control, private use, unassigned and surrogate characters, tags, marks of direction. */
const PROHIBITED = new RegExp(
  "[\\p{Cc}\\p{Co}\\p{Cs}\\p{Cn}\\u06dd\\u070f\\u180e\\u0340\\u0341\\u200e\\u200f\\u2028-\\u202e" +
    "\\u2061-\\u2063\\u206a-\\u206f\\u2ff0-\\u2ffb\\ufff9-\\ufffd\\u{1d173}-\\u{1d17a}" +
    "\\u{e0001}\\u{e0020}-\\u{e007f}]",
  "u",
);
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}]/u;

/** The text as it is compared; undefined: it has characters that are not allowed. */
export function prepareText(text: string): string | undefined {
  const mapped = text.replace(OTHER_SPACES, " ").replace(TO_NOTHING, "").normalize("NFKC");
  if (PROHIBITED.test(mapped)) return undefined;
  if (RIGHT_TO_LEFT.test(mapped) && LEFT_TO_RIGHT.test(mapped)) return undefined;
  return mapped;
}

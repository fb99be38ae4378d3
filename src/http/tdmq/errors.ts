import type { ManagementErrorCode } from "../../management/mod.ts";
import type { WebReply } from "../../runtime/mod.ts";
import { emptyReply, type Refusal, refusalText, textReply } from "../kit/mod.ts";

/** Why somebody is refused who is known, or could be: no other credentials would help, so none are asked for. */
export const DENIED = "denied";
export const UNKNOWN = "unknown";

/** How this product refuses: a status, and one line of text. */
export function refuse(refusal: Refusal): WebReply {
  const text = `${refusalText(refusal).replaceAll(/\p{Cc}+/gu, " ")}\n`;
  switch (refusal.kind) {
    case "not-found":
      return emptyReply(404);
    case "method-not-allowed":
      return textReply(405, text, undefined, [
        ["content-type", "text/plain; charset=utf-8"],
        ["allow", refusal.allowed.join(", ")],
      ]);
    case "unauthorized":
      return refusal.reason === DENIED
        ? textReply(401, "Not authorized to publish there\n")
        : textReply(401, text, undefined, [
          ["content-type", "text/plain; charset=utf-8"],
          ["www-authenticate", 'Basic realm="mqtt"'],
        ]);
    case "rate-limited":
      return textReply(429, text, undefined, [
        ["content-type", "text/plain; charset=utf-8"],
        ["retry-after", String(refusal.retryAfterS)],
      ]);
    case "body-too-large":
    case "not-json":
    case "bad-encoding":
    case "invalid":
      return textReply(400, text);
    case "internal":
      return textReply(500, text);
    case "management":
      return textReply(statusOf(refusal.error.code), text);
  }
}

function statusOf(code: ManagementErrorCode): number {
  return code === "invalid" || code === "too-large" ? 400 : 500;
}

import type { WebReply } from "../../runtime/mod.ts";
import { emptyReply, jsonReply, type Refusal, refusalText } from "../kit/mod.ts";

/** How this product refuses: by status, with `{"message"}` where the request itself is wrong. */
export function refuse(refusal: Refusal): WebReply {
  const message = refusalText(refusal);
  switch (refusal.kind) {
    case "not-found":
    case "method-not-allowed":
      return emptyReply(404);
    case "unauthorized":
      return emptyReply(401, [["www-authenticate", 'Basic realm="smqtt"']]);
    case "rate-limited":
      return emptyReply(429, [["retry-after", String(refusal.retryAfterS)]]);
    case "body-too-large":
      return jsonReply(413, { message });
    case "not-json":
    case "bad-encoding":
    case "invalid":
      return jsonReply(400, { message });
    case "internal":
      return emptyReply(500);
    case "management":
      return jsonReply(statusOf(refusal.error.code), { message });
  }
}

function statusOf(code: Extract<Refusal, { kind: "management" }>["error"]["code"]): number {
  switch (code) {
    case "invalid":
    case "not-found":
      return 400;
    case "too-large":
      return 413;
    case "unavailable":
      return 503;
    case "conflict":
    case "forbidden":
      return 500;
  }
}

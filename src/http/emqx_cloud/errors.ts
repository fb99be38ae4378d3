import type { ManagementErrorCode } from "../../management/mod.ts";
import type { WebReply } from "../../runtime/mod.ts";
import { jsonReply, type Refusal, refusalText, type ReplyHeaders } from "../kit/mod.ts";

/** Reasons of "unauthorized". */
export const WRONG_SECRET = "wrong-secret";
export const NO_BASIC = "no-basic";

const CHALLENGE: ReplyHeaders = [["www-authenticate", 'Basic Realm="emqx-dashboard"']];
const PAGING_FIELDS: readonly string[] = ["_page", "_limit"];

/** How this product refuses: `{"code","message"}`, the code in capitals. */
export function refuse(refusal: Refusal): WebReply {
  const text = refusalText(refusal);
  switch (refusal.kind) {
    case "not-found":
      return failure(404, "NOT_FOUND", text);
    case "method-not-allowed":
      return failure(405, "METHOD_NOT_ALLOWED", text, [["allow", refusal.allowed.join(", ")]]);
    case "unauthorized":
      return refusal.reason === WRONG_SECRET
        ? failure(401, "BAD_API_KEY_OR_SECRET", "Check api_key/api_secret", CHALLENGE)
        : failure(
          401,
          "AUTHORIZATION_HEADER_ERROR",
          "Support authorization: basic AppID:AppSecret",
          CHALLENGE,
        );
    case "rate-limited":
      return failure(429, "TOO_MANY_REQUESTS", text, [
        ["retry-after", String(refusal.retryAfterS)],
      ]);
    case "body-too-large":
      return failure(413, "BAD_REQUEST", text);
    case "not-json":
    case "bad-encoding":
      return failure(400, "BAD_REQUEST", text);
    case "invalid": {
      if (refusal.where !== "query") return failure(400, "BAD_REQUEST", text);
      const isPaging = refusal.problems.some(({ field }) => PAGING_FIELDS.includes(field));
      return failure(400, "INVALID_PARAMETER", isPaging ? "page_limit_invalid" : text);
    }
    case "management":
      return ofManagement(refusal.error.code, text);
    case "internal":
      return failure(500, "INTERNAL_ERROR", text);
  }
}

/** The only thing that can be missing here is the client. */
function ofManagement(code: ManagementErrorCode, text: string): WebReply {
  switch (code) {
    case "not-found":
      return failure(404, "CLIENTID_NOT_FOUND", "Client ID not found");
    case "invalid":
    case "too-large":
    case "conflict":
    case "forbidden":
      return failure(400, "BAD_REQUEST", text);
    case "unavailable":
      return failure(503, "SERVICE_UNAVAILABLE", text);
  }
}

function failure(
  status: number,
  code: string,
  message: string,
  headers: ReplyHeaders = [],
): WebReply {
  return jsonReply(status, { code, message }, headers);
}

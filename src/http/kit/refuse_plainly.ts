import type { WebReply } from "../../runtime/mod.ts";
import { type Refusal, refusalText } from "./refusal.ts";
import { emptyReply, textReply } from "./reply.ts";

/** For APIs of our own, which no product's way of refusing binds. */
export function refusePlainly(refusal: Refusal): WebReply {
  switch (refusal.kind) {
    case "not-found":
      return emptyReply(404);
    case "method-not-allowed":
      return emptyReply(405, [["allow", refusal.allowed.join(", ")]]);
    case "internal":
    case "management":
      return textReply(500, refusalText(refusal));
    default:
      return textReply(400, refusalText(refusal));
  }
}

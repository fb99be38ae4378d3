import type { Refusal } from "../broker/mod.ts";
import { ManagementError } from "./management_error.ts";

/** A refusal of the broker as an error; `what`: "subscribe", behind "Cannot". */
export function refusalError(what: string, clientId: string, refusal: Refusal): ManagementError {
  const cannot = `Cannot ${what} ${JSON.stringify(clientId)}`;
  switch (refusal.refused) {
    case "no-session":
      return new ManagementError("not-found", `${cannot}: there is no such client`);
    case "connected":
      return new ManagementError("conflict", `${cannot}: the client is connected`);
    case "store-failing":
      return new ManagementError("unavailable", `${cannot}: nothing can be stored at the moment`);
    case "too-many":
      return new ManagementError(
        "too-large",
        `${cannot}: more than ${refusal.allowed} subscriptions are not allowed`,
      );
    case "filter": {
      const { filter, problem } = refusal;
      return new ManagementError(
        "invalid",
        `${cannot}: topic filter ${JSON.stringify(filter)} ${problem.detail}`,
      );
    }
  }
}

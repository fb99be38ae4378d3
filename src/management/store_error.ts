import { RecordError } from "../ports/mod.ts";
import { ManagementError } from "./management_error.ts";

/** What the record store says, in our words; any other error as it is. `what`: "ban", behind "Cannot". */
export function storeError(what: string, error: unknown): unknown {
  if (!(error instanceof RecordError)) return error;
  const code = error.reason === "invalid"
    ? "invalid"
    : error.reason === "unavailable"
    ? "unavailable"
    : "too-large";
  return new ManagementError(code, `Cannot ${what}: ${error.message}`, { cause: error });
}

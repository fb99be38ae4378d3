import type { Written } from "../root.ts";
import type { Complain } from "./complain.ts";

/** What a bridge needs to be one; while it is not enabled, it may wait for that. */
export function checkBridges(complain: Complain, { bridges }: Written): void {
  for (const [index, { isEnabled, address }] of bridges.entries()) {
    if (!isEnabled || address !== undefined) continue;
    complain(["bridge", index, "address"], "nothing", "URL of a broker, or enable = false");
  }
}

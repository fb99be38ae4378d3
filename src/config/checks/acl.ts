import { ruleProblems } from "../../auth/mod.ts";
import { isValidTopicName } from "../../mqtt/mod.ts";
import type { Written } from "../root.ts";
import type { Complain } from "./complain.ts";

/** What rules say of topics must be filters, and mountpoints must be the beginning of topics. */
export function checkAcl(complain: Complain, { acl, listeners }: Written): void {
  for (const [index, rule] of acl.rules.entries()) {
    for (const { field, found, allowed } of ruleProblems(rule)) {
      complain(["acl", "rule", index, field], found, allowed);
    }
  }
  for (const [index, { mountpoint }] of listeners.entries()) {
    if (mountpoint === "" || isMountpoint(mountpoint)) continue;
    complain(
      ["listener", index, "mountpoint"],
      JSON.stringify(mountpoint),
      'levels of a topic that end with "/", without + and # and not beginning with $, such as "site1/"',
    );
  }
}

function isMountpoint(text: string): boolean {
  return isValidTopicName(text) && text.endsWith("/") && !text.startsWith("$");
}

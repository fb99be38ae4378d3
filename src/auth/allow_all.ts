import type { Authorizer } from "../ports/mod.ts";

/** Lets everybody do everything: what a broker without access rules does. */
export const ALLOW_ALL: Authorizer = {
  isActive: false,
  revision: 0,
  denyAction: "ignore",
  onChange: undefined,
  authorize: () => "allow",
  mayReceive: () => true,
  isSame: () => true,
  explain: () => ({ decision: "allow", source: "built in", rule: "everything is allowed" }),
};

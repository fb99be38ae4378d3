import type { Authorizer } from "../ports/mod.ts";

/** Lets everybody do everything: what a broker without access rules does. */
export const ALLOW_ALL: Authorizer = Object.freeze({ authorize: () => "allow" as const });

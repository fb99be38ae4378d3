/** Traffic of the broker's own, before there are clients, so that theirs meets compiled code. */
export { WarmUp, type WarmUpOutcome, type WarmUpParts, type WarmUpRuntime } from "./warm_up.ts";

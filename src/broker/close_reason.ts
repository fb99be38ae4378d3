import { ReasonCode } from "../mqtt/mod.ts";

/**
 * Why a connection ended.
 *
 * - `normal`: the client said DISCONNECT. `closed`: it just went.
 * - `connect_timeout`: no CONNECT in time. `refused`: CONNECT was answered with an error.
 * - `keepalive_timeout`: the client was silent. `discarded`: the same client connected again.
 * - `kicked`: by an administrator. `banned`; `expired`: what vouched for the client is over. `limited`: over a limit.
 * - `protocol_error`: the client broke the rules. `internal_error`: we did.
 * - `shutdown`: the broker stops.
 */
export type CloseReason =
  | "normal"
  | "closed"
  | "connect_timeout"
  | "refused"
  | "keepalive_timeout"
  | "discarded"
  | "kicked"
  | "banned"
  | "expired"
  | "limited"
  | "protocol_error"
  | "internal_error"
  | "shutdown";

/** What the reason of a DISCONNECT from us says; undefined: that the client broke the rules. */
const OWN_REASONS: Readonly<Partial<Record<ReasonCode, CloseReason>>> = {
  [ReasonCode.keepAliveTimeout]: "keepalive_timeout",
  [ReasonCode.sessionTakenOver]: "discarded",
  [ReasonCode.administrativeAction]: "kicked",
  [ReasonCode.banned]: "banned",
  [ReasonCode.maximumConnectTime]: "expired",
  [ReasonCode.messageRateTooHigh]: "limited",
  [ReasonCode.quotaExceeded]: "limited",
  [ReasonCode.connectionRateExceeded]: "limited",
  [ReasonCode.serverBusy]: "limited",
  [ReasonCode.implementationSpecificError]: "internal_error",
  [ReasonCode.serverShuttingDown]: "shutdown",
};

export function closeReasonOf(reasonCode: ReasonCode): CloseReason {
  return OWN_REASONS[reasonCode] ?? "protocol_error";
}

/** How often connections of one listener ended, by reason; only reasons that occurred. */
export type CloseTally = Partial<Record<CloseReason, number>>;

/** Counts the end of a connection for its listener. */
export function countClose(
  tallies: Map<string, CloseTally>,
  listenerName: string,
  reason: CloseReason,
): void {
  let tally = tallies.get(listenerName);
  if (tally === undefined) tallies.set(listenerName, tally = {});
  tally[reason] = (tally[reason] ?? 0) + 1;
}

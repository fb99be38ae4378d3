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

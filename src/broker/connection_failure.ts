import { ProtocolError, ReasonCode } from "../mqtt/mod.ts";
import { EventBit } from "../ports/mod.ts";
import type { CloseCause } from "../runtime/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";

/** Answers an error on a connection with what the standard has for it, and closes. */
export function endAfter(from: ClientConnection, error: unknown): void {
  const { clientLogger: logger, counters } = from.core;
  if (error instanceof ProtocolError) {
    counters.protocolErrors++;
    logger.info("Closed a connection after a protocol error", {
      clientId: from.session?.clientId ?? "",
      address: from.socket.remoteAddress,
      reason: error.message,
    });
    from.disconnect(error.reasonCode, error.message);
    return;
  }
  logger.error("Closed a connection after an error of the broker: this is a bug", {
    clientId: from.session?.clientId ?? "",
    error: error instanceof Error ? error.stack ?? error.message : String(error),
  });
  from.disconnect(ReasonCode.implementationSpecificError, undefined);
}

/** The client said nothing that could be a CONNECT for too long. */
export function endWithoutConnect(from: ClientConnection): void {
  const { clientLogger: logger, options } = from.core;
  logger.info("Closed a connection without CONNECT", {
    address: from.socket.remoteAddress,
    timeoutMs: options.connectTimeoutMs,
  });
  from.closeReason ??= "connect_timeout";
  from.close();
}

/** The connection of a client is gone, and nobody here has ended it. */
export function noteLoss(
  from: ClientConnection,
  cause: CloseCause,
  detail: string | undefined,
): void {
  from.core.logger.debug("A client's connection is gone without DISCONNECT", {
    clientId: from.session?.clientId ?? "",
    cause,
    detail: detail ?? "",
  });
}

/** The connection of a client that was told of as connected is at its end. */
export function tellDisconnected(from: ClientConnection, session: ClientSession): void {
  const { events, clock } = from.core;
  if ((events.mask & EventBit.clientDisconnected) === 0) return;
  events.client({
    type: "client.disconnected",
    client: session.eventClient,
    timestampMs: clock.nowMs(),
    reason: from.closeReason ?? "closed",
    connectedAtMs: session.details?.connectedAtMs ?? from.acceptedAtMs,
  });
}

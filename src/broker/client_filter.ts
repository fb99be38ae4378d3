import { formatIpNetwork, parseIpNetwork } from "../base/mod.ts";
import type { ProtocolVersion } from "../mqtt/mod.ts";
import type { ClientSession } from "./client_session.ts";

/** Which clients; all conditions that are given must hold. */
export interface ClientFilter {
  readonly clientId?: string | undefined;
  readonly username?: string | undefined;
  /** An address without port; compared as addresses are, so spelling does not matter. */
  readonly address?: string | undefined;
  readonly isConnected?: boolean | undefined;
  readonly cleanStart?: boolean | undefined;
  readonly isPersistent?: boolean | undefined;
  readonly protocolVersion?: ProtocolVersion | undefined;
  readonly listenerName?: string | undefined;
  /** Case matters; no wildcards. */
  readonly clientIdContains?: string | undefined;
  readonly usernameContains?: string | undefined;
  /** Both ends belong to the range. */
  readonly createdFromMs?: number | undefined;
  readonly createdToMs?: number | undefined;
  /** A session that an earlier version of the broker kept may not know when; it is in no such range. */
  readonly connectedFromMs?: number | undefined;
  readonly connectedToMs?: number | undefined;
  readonly hasSubscriptions?: boolean | undefined;
}

type Condition = (session: ClientSession) => boolean;

/** User name of the client behind a session, as far as it is known. */
export function usernameOf(session: ClientSession): string | undefined {
  const { details } = session;
  return details === undefined ? session.owner : details.username;
}

/** The conditions of a filter but for `isConnected`, put together once; undefined: everybody matches. */
export function compileClientFilter(filter: ClientFilter): Condition | undefined {
  const conditions = [...identityConditions(filter), ...stateConditions(filter)];
  if (conditions.length === 0) return undefined;
  return (session) => conditions.every((holds) => holds(session));
}

/** One text for all spellings of an address; what is none stays as it is. */
export function normalAddress(address: string): string {
  const network = parseIpNetwork(address);
  return network === undefined ? address : formatIpNetwork(network);
}

function* identityConditions(filter: ClientFilter): Generator<Condition> {
  const { clientId, username, clientIdContains, usernameContains, address } = filter;
  if (clientId !== undefined) yield (session) => session.clientId === clientId;
  if (username !== undefined) yield (session) => usernameOf(session) === username;
  if (clientIdContains !== undefined) {
    yield (session) => session.clientId.includes(clientIdContains);
  }
  if (usernameContains !== undefined) {
    yield (session) => usernameOf(session)?.includes(usernameContains) === true;
  }
  if (address === undefined) return;
  const wanted = normalAddress(address);
  // Most addresses are spelled as we do, so that parsing each would be for nothing.
  yield (session) => {
    const found = session.details?.address;
    return found !== undefined && (found === wanted || normalAddress(found) === wanted);
  };
}

function* stateConditions(filter: ClientFilter): Generator<Condition> {
  const { cleanStart, isPersistent, protocolVersion, listenerName, hasSubscriptions } = filter;
  if (cleanStart !== undefined) yield (session) => session.wasCleanStart === cleanStart;
  if (isPersistent !== undefined) yield (session) => session.expiryS > 0 === isPersistent;
  if (protocolVersion !== undefined) {
    yield (session) => session.details?.version === protocolVersion;
  }
  if (listenerName !== undefined) {
    yield (session) => session.details?.listenerName === listenerName;
  }
  if (hasSubscriptions !== undefined) {
    yield (session) => session.subscriptions.size > 0 === hasSubscriptions;
  }
  yield* timeConditions(filter);
}

function* timeConditions(filter: ClientFilter): Generator<Condition> {
  const { createdFromMs = -Infinity, createdToMs = Infinity } = filter;
  if (createdFromMs > -Infinity || createdToMs < Infinity) {
    yield ({ createdAtMs }) => createdAtMs >= createdFromMs && createdAtMs <= createdToMs;
  }
  const { connectedFromMs = -Infinity, connectedToMs = Infinity } = filter;
  if (connectedFromMs > -Infinity || connectedToMs < Infinity) {
    yield ({ details }) =>
      details !== undefined && details.connectedAtMs >= connectedFromMs &&
      details.connectedAtMs <= connectedToMs;
  }
}

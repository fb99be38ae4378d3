import { ReasonCode } from "../mqtt/mod.ts";
import type { Identity } from "../ports/mod.ts";
import type { BrokerCore } from "./broker_core.ts";

/** Why a CONNECT is answered with an error. */
export interface ConnectProblem {
  readonly reasonCode: ReasonCode;
  readonly message: string;
}

export function connectProblem(reasonCode: ReasonCode, detail: string): ConnectProblem {
  return { reasonCode, message: `Cannot accept CONNECT: ${detail}` };
}

/**
 * Whom a session belongs to: the name that was vouched for. Whoever is anonymous has none, whatever user name it
 * claims, and what belongs to nobody is anybody's: the first user to ask for it keeps it.
 */
export function ownerOf({ method, subject, username }: Identity): string | undefined {
  return method === "anonymous" ? undefined : subject ?? username;
}

/** Whether the session of this client identifier belongs to another user. */
export function isForeignSession(core: BrokerCore, clientId: string, identity: Identity): boolean {
  const owner = core.sessions.get(clientId)?.owner;
  return owner !== undefined && owner !== ownerOf(identity);
}

/**
 * The ban of a client, if there is one. Asked with what the client says of itself, before anybody spends time on its
 * password, and once more with what an authenticator says of it.
 */
export function banProblem(
  core: BrokerCore,
  clientId: string,
  username: string | undefined,
  address: string,
): ConnectProblem | undefined {
  const { bans, clock, counters, clientLogger: logger } = core;
  if (bans === undefined || bans.count === 0) return undefined;
  const ban = bans.find({ clientId, username, address }, clock.nowMs());
  if (ban === undefined) return undefined;
  counters.bansRefused++;
  logger.info("Refused a client that is banned", { clientId, address, as: ban.as, who: ban.who });
  return { reasonCode: ReasonCode.banned, message: "Cannot accept CONNECT: banned" };
}

/** Why a client that has shown who it is may still not have the session that it asks for. */
export function admissionProblem(
  core: BrokerCore,
  clientId: string,
  identity: Identity,
): ConnectProblem | undefined {
  const { username, remoteAddress } = identity;
  return banProblem(core, clientId, username, remoteAddress) ??
    ownerProblem(core, clientId, identity) ?? roomProblem(core, clientId);
}

/** Before the takeover: whoever is refused must not have ended the connection of the owner. */
function ownerProblem(
  core: BrokerCore,
  clientId: string,
  identity: Identity,
): ConnectProblem | undefined {
  if (!isForeignSession(core, clientId, identity)) return undefined;
  const { counters, clientLogger: logger, limits } = core;
  counters.foreignSessions++;
  logger.warn("A client asks for the session of another user", {
    clientId,
    username: ownerOf(identity) ?? "",
    address: identity.remoteAddress,
    answer: limits.sessionOwner,
  });
  if (limits.sessionOwner === "fresh") return undefined;
  return {
    reasonCode: ReasonCode.clientIdentifierNotValid,
    message: "Cannot accept CONNECT: the client identifier is in use by another user",
  };
}

function roomProblem(core: BrokerCore, clientId: string): ConnectProblem | undefined {
  const { sessions, limits, counters } = core;
  if (limits.maxSessions === 0 || sessions.count < limits.maxSessions) return undefined;
  if (sessions.get(clientId) !== undefined) return undefined;
  counters.sessionsRefused++;
  return {
    reasonCode: ReasonCode.quotaExceeded,
    message: "Cannot accept CONNECT: there are as many sessions as are allowed",
  };
}

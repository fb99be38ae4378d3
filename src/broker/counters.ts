import { createSessionCounters, type SessionCounters } from "../session/mod.ts";

/** Sums since the start, as plain numbers; whoever shows them computes rates. */
export interface BrokerCounters {
  readonly sessions: SessionCounters;
  bytesReceived: number;
  bytesSent: number;
  /** Control packets of any type. */
  packetsReceived: number;
  packetsSent: number;
  publishReceived: number;
  publishSent: number;
  publishBytesReceived: number;
  publishBytesSent: number;
  /** Messages that were refused: not authorized, or rejected by an interceptor. */
  publishRefused: number;
  /** What access rules have forbidden: messages and wills, subscriptions, deliveries. */
  aclDeniedPublish: number;
  aclDeniedSubscribe: number;
  aclDeniedReceive: number;
  /** Questions that the authorizer could not answer; they were denied. */
  aclErrors: number;
  /** Retained messages that were not kept, for a limit. */
  retainedRefused: number;
  connectionsAccepted: number;
  /** Closed at once, for a listener's `max_connections`. */
  connectionsRefused: number;
  /** Connections that the system could not give us. */
  acceptErrors: number;
  /** CONNECTs that were answered with an error. */
  connectsRefused: number;
  /** Connections and CONNECTs turned away for a ban. */
  bansRefused: number;
  /** Connections that a new ban has ended. */
  bansDisconnected: number;
  /** Clients banned for coming and going too often. */
  flappingBans: number;
  /** Clients that were not watched any longer, because others came and went meanwhile. */
  flappingForgotten: number;
  /** Times that a client was not read for a while, for its rate. */
  ratePauses: number;
  /** CONNECTs that asked for a session of another user. */
  foreignSessions: number;
  /** CONNECTs refused for `max_sessions`. */
  sessionsRefused: number;
  /** Messages refused for their user properties. */
  userPropertiesRefused: number;
  protocolErrors: number;
  keepAliveTimeouts: number;
  sessionsTakenOver: number;
  sessionsExpired: number;
  connectedMaximum: number;
}

export function createBrokerCounters(): BrokerCounters {
  return {
    sessions: createSessionCounters(),
    bytesReceived: 0,
    bytesSent: 0,
    packetsReceived: 0,
    packetsSent: 0,
    publishReceived: 0,
    publishSent: 0,
    publishBytesReceived: 0,
    publishBytesSent: 0,
    publishRefused: 0,
    aclDeniedPublish: 0,
    aclDeniedSubscribe: 0,
    aclDeniedReceive: 0,
    aclErrors: 0,
    retainedRefused: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    acceptErrors: 0,
    connectsRefused: 0,
    bansRefused: 0,
    bansDisconnected: 0,
    flappingBans: 0,
    flappingForgotten: 0,
    ratePauses: 0,
    foreignSessions: 0,
    sessionsRefused: 0,
    userPropertiesRefused: 0,
    protocolErrors: 0,
    keepAliveTimeouts: 0,
    sessionsTakenOver: 0,
    sessionsExpired: 0,
    connectedMaximum: 0,
  };
}

/** Messages that somebody did not get, whatever the reason. */
export function droppedMessages(counters: BrokerCounters): number {
  const { droppedSlow, droppedQueueFull, droppedExpired, droppedTooLarge } = counters.sessions;
  return droppedSlow + droppedQueueFull + droppedExpired + droppedTooLarge;
}

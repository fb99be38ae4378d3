/** Limits of one session. */
export interface SessionLimits {
  /** Messages waiting for quota or for the client; `Infinity`: no limit in number. */
  readonly queuedMessagesMax: number;
  readonly queuedBytesMax: number;
  /**
   * Bytes of messages that are kept until they are acknowledged; above it nothing more is sent. A client names the
   * number of messages in flight, and it may be 65,535 of the largest.
   */
  readonly inflightBytesMax: number;
  readonly whenFull: "drop_oldest" | "drop_newest";
  readonly queueQos0Offline: boolean;
}

/** Sums over all sessions; plain numbers, read by metrics and `$SYS`. */
export interface SessionCounters {
  /** Waiting now. */
  queuedMessages: number;
  queuedBytes: number;
  /** Sent and not yet acknowledged now. */
  inflight: number;
  /** QoS 0 that a slow client did not get, since the start. */
  droppedSlow: number;
  /** Dropped because a queue was full. */
  droppedQueueFull: number;
  /** Dropped because they expired while waiting. */
  droppedExpired: number;
  /** Dropped because they are larger than the client takes. */
  droppedTooLarge: number;
}

export function createSessionCounters(): SessionCounters {
  return {
    queuedMessages: 0,
    queuedBytes: 0,
    inflight: 0,
    droppedSlow: 0,
    droppedQueueFull: 0,
    droppedExpired: 0,
    droppedTooLarge: 0,
  };
}

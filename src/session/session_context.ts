import type { Clock } from "../base/mod.ts";
import type { FrameRun } from "./frame_run.ts";
import type { InflightState } from "./inflight.ts";
import type { SessionCounters, SessionLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Pace } from "./pace.ts";
import type { Publication } from "./publication.ts";

/** What all sessions of a broker share. */
export interface SessionContext {
  limits: SessionLimits;
  readonly counters: SessionCounters;
  readonly clock: Clock;
  /** Carries messages at rest to an outlet, one at a time. */
  readonly carrier: Publication;
  /** Carries many of them. */
  readonly run: FrameRun;
  readonly pace: Pace;
  /** Whether a retained message has neither been replaced nor removed meanwhile. */
  readonly isRetained: (message: Message) => boolean;
  /** Whether there are messages that a session's client may not have any more when their turn comes. */
  isGuarded: boolean;
  /** Whether `onDropped` and `onAcked` of sessions are called. */
  isDropWatched: boolean;
  isAckWatched: boolean;
}

/** What an earlier run of the broker left of a session; all lists in the order of sending. */
export interface SessionState {
  readonly received: readonly number[];
  readonly inflight: readonly {
    readonly packetId: number;
    readonly state: InflightState;
    readonly seq: number;
  }[];
  /** Messages that wait, without those in flight. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** A shared subscription may have chosen the session for some of it. */
  readonly hasShared: boolean;
}

/** Why a message did not reach a session that it was for; the last: QoS 0, and the client is away. */
export type DropReason =
  | "expired"
  | "queue_full"
  | "too_large"
  | "slow"
  | "denied"
  | "unreadable"
  | "offline";

/** Messages that a session did not get, by reason. */
export interface SessionDrops {
  expired: number;
  queueFull: number;
  tooLarge: number;
  /** QoS 0, of a client that reads too slowly. */
  slow: number;
  /** Access rules have changed, and the client may not have it any more. */
  denied: number;
  /** The journal could not be read any more. */
  unreadable: number;
}

/** As which a message counts that is over with. */
export const DROPS_BY_END = Object.freeze(
  {
    too_large: "tooLarge",
    lost: "unreadable",
    expired: "expired",
    denied: "denied",
  } as const,
);

export const NO_DROPS: Readonly<SessionDrops> = Object.freeze({
  expired: 0,
  queueFull: 0,
  tooLarge: 0,
  slow: 0,
  denied: 0,
  unreadable: 0,
});

export function totalOf(drops: SessionDrops): number {
  return drops.expired + drops.queueFull + drops.tooLarge + drops.slow + drops.denied +
    drops.unreadable;
}

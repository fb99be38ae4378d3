/**
 * A batch on its way to the writer: operations one after the other, each beginning at a multiple of 4 with its
 * number as a word, then words, then bytes filled up with zeros. Never stored, so it may change at will.
 */
export const Operation = Object.freeze(
  {
    /** key */
    removeSession: 1,
    /** key, length of client identifier, length of body, client identifier, body */
    putSession: 2,
    /** key, length of filter, length of body, filter, body */
    putSubscription: 3,
    /** key, length of filter, filter */
    removeSubscription: 4,
    /** key, packet identifier */
    addReceived: 5,
    removeReceived: 6,
    /** key, first seq (2), last seq (2) */
    removeQueued: 7,
    /** key, seq (2), packet identifier and state */
    setInflight: 8,
    /** id (2), refs, length of body, body */
    putMessage: 9,
    /** key, seq (2), bytes, message id (2, 0: in the body), length of body, body */
    pushQueued: 10,
    /** length of topic, length of body, topic, body */
    putRetained: 11,
    /** length of topic, topic */
    removeRetained: 12,
    /** key, length of body, body */
    putExchange: 13,
    /** key (2), length of body, body */
    putDelayed: 14,
    /** key (2) */
    removeDelayed: 15,
    /** As pushQueued; the message is gone again. */
    forgotten: 16,
  } as const,
);
export type Operation = (typeof Operation)[keyof typeof Operation];

/** Bits of a row's number that are the place in the session's queue; the session's key is above them. */
export const SEQ_BITS = 40;
export const SEQ_MAX = 2 ** SEQ_BITS - 1;
export const SESSION_KEY_MAX = 2 ** 23 - 1;
/** Bits of a row's number in `received` that are the packet identifier. */
export const PACKET_ID_BITS = 16;

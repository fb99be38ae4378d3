export { FrameRun } from "./frame_run.ts";
export { Inflight, InflightState } from "./inflight.ts";
export { packetIdOfPlace, PlacedIds } from "./placed_ids.ts";
export type { Journal, JournalEntry } from "./journal.ts";
export { createSessionCounters, type SessionCounters, type SessionLimits } from "./limits.ts";
export {
  type Delivery,
  FramedMessage,
  type Message,
  messageBytes,
  NO_BYTES,
  NO_IDENTIFIERS,
  plainMessage,
} from "./message.ts";
export { LentMessage, ownDelivery } from "./lent_message.ts";
export { MessageOrigin, type MessagePublisher } from "./message_origin.ts";
export { MessageQueue } from "./message_queue.ts";
export type { Outlet } from "./outlet.ts";
export { Pace } from "./pace.ts";
export { COPIED_FRAME_BYTES_MAX, Publication } from "./publication.ts";
export { PublishFrame } from "./publish_frame.ts";
export { PublishRun, RUN_FRAMES_MAX, WIDE_RECEIVERS } from "./publish_run.ts";
export { ReceivedIds } from "./received_ids.ts";
export { type OfferResult, Session } from "./session.ts";
export type { DropReason, SessionDrops } from "./session_drops.ts";
export { OutboundTopicAliases } from "./topic_aliases.ts";
export type { SessionContext, SessionState } from "./session_context.ts";

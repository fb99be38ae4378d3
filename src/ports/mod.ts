/** The interfaces between the parts of rank 4, and the plain records that they exchange. */
export type {
  AuthenticationResult,
  Authenticator,
  Denied,
  EnhancedExchange,
  ExchangeStep,
} from "./authenticator.ts";
export type { Action, Authorizer, Decision, DenyAction, Explanation } from "./authorizer.ts";
export {
  type Ban,
  type BanCounters,
  BanError,
  type BanKind,
  type BanList,
  type BanSubject,
} from "./ban_list.ts";
export {
  CLIENT_EVENT_BITS,
  type ClientConnectedEvent,
  type ClientDisconnectedEvent,
  type ClientEvent,
  type ClientEventType,
  type ClientSubscribeEvent,
  type ClientUnsubscribeEvent,
  EventBit,
  type EventClient,
  type EventDropReason,
  type EventSink,
  type EventSource,
  type EventSubscription,
  type MessageGrant,
  type SessionCreatedEvent,
  type SessionResumedEvent,
  type SessionSubscribedEvent,
  type SessionTerminatedEvent,
  type SessionUnsubscribedEvent,
} from "./event_sink.ts";
export type { Publisher } from "./publisher.ts";
export type { PublishInterceptor } from "./publish_interceptor.ts";
export type { PeerCertificate } from "../runtime/mod.ts";
export {
  BROKER_IDENTITY,
  type Credentials,
  type Identity,
  type IdentityMethod,
  type IdentityRule,
} from "./records.ts";
export {
  type JsonValue,
  RecordError,
  type RecordErrorReason,
  type RecordStore,
} from "./record_store.ts";
export type {
  DelayedKey,
  DelayedMessage,
  LiveInflight,
  LiveSession,
  LiveState,
  LoadedDelayed,
  LoadedSession,
  LoadedState,
  QueuedDelivery,
  SessionKey,
  SessionRecord,
  Store,
  StoreCounters,
  StoredClient,
  StoredGroup,
  StoredInflight,
  StoredQueue,
  StoredWill,
  StoreEvents,
  StoreFailure,
  StoreRepair,
} from "./store.ts";

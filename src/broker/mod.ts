export { Broker, type BrokerFigures, type BrokerParts, type BrokerRuntime } from "./broker.ts";
export type { BrokerCounters } from "./counters.ts";
export type {
  FlappingOptions,
  LimitsOptions,
  MqttOptions,
  QueueFullPolicy,
  SessionOwnerPolicy,
} from "./options.ts";
export type { CloseReason } from "./close_reason.ts";
export type {
  ClientInclusion,
  ClientView,
  DropFigures,
  FlowFigures,
  MessagePropertiesView,
  RetainedView,
  RouteView,
  SessionFigures,
  SubscriptionView,
  TlsPeerView,
  TrafficFigures,
  WillView,
} from "./views.ts";
export type { ClientFilter } from "./client_filter.ts";
export type { CloseTally } from "./close_reason.ts";
export { Controller, type PublishOutcome, type Refusal } from "./controller.ts";
export { type BrokerGauges, Gauge } from "./gauges.ts";
export { Inspector, isRetainedFilter, type PlacedSubscription } from "./inspector.ts";
export type { ListRow, ListSource } from "./list_source.ts";

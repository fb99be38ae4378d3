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

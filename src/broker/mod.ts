export { Broker, type BrokerFigures, type BrokerParts, type BrokerRuntime } from "./broker.ts";
export { type BrokerCounters, droppedMessages } from "./counters.ts";
export type { MqttOptions, QueueFullPolicy } from "./options.ts";

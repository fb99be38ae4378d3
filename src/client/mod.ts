/** MQTT as a client: one connection to a server, whatever it travels over. */
export { ClientLoop, type ClientRuntime } from "./client_loop.ts";
export { ClientSession } from "./client_session.ts";
export { CannotPublish, ConnectionLost, ConnectionRefused, type PublishProblem } from "./errors.ts";
export type { PacketTrace } from "./client_output.ts";
export type { MqttClientHandler } from "./handler.ts";
export { MqttClient, type MqttClientOptions } from "./mqtt_client.ts";
export {
  encodePublishProperties,
  type OutgoingMessage,
  type PublishProperties,
} from "./outgoing_message.ts";
export { type ClientTarget, type ClientTls } from "./target.ts";

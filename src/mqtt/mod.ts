/** MQTT 3.1, 3.1.1 and 5.0 as bytes: no sockets, no sessions, no state of a connection. */
export {
  ACK_BYTES_MAX,
  type AckType,
  AckView,
  decodeAck,
  findPubackRunEnd,
  PINGRESP_BYTES,
  SHORT_ACK_BYTES,
  writeAck,
} from "./ack_codec.ts";
export { type PacketSender, peekProtocolVersion } from "./control_checks.ts";
export { decodeControlPacket } from "./control_decoder.ts";
export { encodeControlPacket } from "./control_encoder.ts";
export { type FrameSink, FrameSplitter } from "./frame_splitter.ts";
export {
  decodeMessageProperties,
  encodeMessageProperties,
  type MessageProperties,
  propertyIdentifiersOf,
  subscriptionIdentifiersOf,
} from "./message_properties.ts";
export {
  type AuthPacket,
  type ConnackPacket,
  type ConnectPacket,
  type ControlPacket,
  type DisconnectPacket,
  PacketType,
  type PingreqPacket,
  type PingrespPacket,
  type ProtocolVersion,
  type Qos,
  type RetainHandling,
  type SubackPacket,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubackPacket,
  type UnsubscribePacket,
  type UserProperty,
  type WillPacket,
} from "./packet.ts";
export * as propertyId from "./property_id.ts";
export { measureUserProperties } from "./properties.ts";
export { PacketEncodeError, ProtocolError } from "./protocol_error.ts";
export {
  copyForwardedProperties,
  decodePublish,
  forwardedPropertiesSize,
  PublishView,
} from "./publish_decoder.ts";
export {
  createPublishHead,
  packetIdOffset,
  publishFrameSize,
  type PublishHead,
  publishHeadSize,
  subscriptionIdentifierSize,
  writeMessageExpiry,
  writePublishHead,
  writeSubscriptionIdentifier,
  writeTopicAlias,
} from "./publish_writer.ts";
export {
  fromConnectReturnCode,
  isReasonCodeAllowed,
  ReasonCode,
  reasonCodeText,
  ReasonUse,
  toConnectReturnCode,
} from "./reason_code.ts";
export {
  filterMatches,
  hasWildcard,
  parseTopicFilter,
  type TopicFilterParse,
} from "./topic_filter.ts";
export { decodeTopicName, isSysTopic, isValidTopicName, topicLevelCount } from "./topic_name.ts";
export {
  decodeUtf8,
  encodeUtf8,
  isMqttString,
  isWellFormedUtf8,
  STRING_BYTES_MAX,
  utf8Length,
} from "./utf8.ts";
export {
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
  writeVariableByteInteger,
} from "./variable_byte_integer.ts";

/** What is said of a packet where somebody wants to see all of them; in the form that people know from mosquitto's clients. */
import {
  type AckType,
  type ControlPacket,
  decodeUtf8,
  PacketType,
  type PublishView,
  type SubscriptionRequest,
} from "../mqtt/mod.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";

export function outgoing(message: OutgoingMessage, packetId: number, dup: boolean): string {
  const { topic, payload, qos, retain } = message;
  const flags = publishFlags(dup, qos, retain, packetId);
  return ` (${flags}, '${decodeUtf8(topic, 0, topic.length)}', ... (${payload.length} bytes))`;
}

export function publishView(view: PublishView, topic: string): string {
  const { dup, qos, retain, packetId } = view;
  const size = view.frameEnd - view.payloadStart;
  return ` (${publishFlags(dup, qos, retain, packetId)}, '${topic}', ... (${size} bytes))`;
}

function publishFlags(dup: boolean, qos: number, retain: boolean, packetId: number): string {
  return `d${dup ? 1 : 0}, q${qos}, r${retain ? 1 : 0}, m${packetId}`;
}

/** Of a packet that is no PUBLISH and no acknowledgement; a line for each of its filters. */
export function control(packet: ControlPacket): readonly string[] {
  switch (packet.type) {
    case "subscribe":
      return packet.subscriptions.map((request) => subscription(packet.packetId, request));
    case "unsubscribe":
      return packet.filters.map((filter) => ` (Mid: ${packet.packetId}, Topic: ${filter})`);
    default:
      return [""];
  }
}

function subscription(packetId: number, request: SubscriptionRequest): string {
  const { filter, qos, noLocal, retainAsPublished, retainHandling } = request;
  const bits = (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4);
  const options = bits.toString(16).padStart(2, "0");
  return ` (Mid: ${packetId}, Topic: ${filter}, QoS: ${qos}, Options: 0x${options})`;
}

const ACK_NAMES = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"] as const;

export function ackName(type: AckType): string {
  return ACK_NAMES[type - PacketType.puback] ?? "";
}

export function sentAck(type: AckType, packetId: number, reasonCode: number): string {
  const hasReason = type === PacketType.puback || type === PacketType.pubrec;
  return hasReason ? ` (m${packetId}, rc${reasonCode})` : ` (m${packetId})`;
}

export function receivedAck(type: AckType, packetId: number, reasonCode: number): string {
  const hasReason = type === PacketType.puback || type === PacketType.pubcomp;
  return hasReason ? ` (Mid: ${packetId}, RC:${reasonCode})` : ` (Mid: ${packetId})`;
}

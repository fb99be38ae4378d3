/** PUBLISH frames made by `mqtt-packet`, as the views that a session is offered. */
import { Buffer } from "node:buffer";
import { generate, type IPublishPacket } from "mqtt-packet";
import {
  decodePublish,
  type ProtocolVersion,
  PublishView,
  type Qos,
} from "../../../src/mqtt/mod.ts";
import { PublishRun } from "../../../src/session/mod.ts";
import { bodyOf, embedded } from "../mqtt/frames.ts";

export interface PublishFields {
  readonly version: ProtocolVersion;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos?: Qos;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly packetId?: number;
  readonly messageExpiryS?: number | undefined;
  readonly properties?: IPublishPacket["properties"];
}

export function publishFrame(fields: PublishFields): Uint8Array {
  const { version, topic, payload, qos = 0, messageExpiryS } = fields;
  const expiry = messageExpiryS === undefined ? {} : { messageExpiryInterval: messageExpiryS };
  const id = qos === 0 ? {} : { messageId: fields.packetId ?? 1 };
  const packet: IPublishPacket = {
    cmd: "publish",
    topic,
    payload: Buffer.from(payload),
    qos,
    retain: fields.retain ?? false,
    dup: fields.dup ?? false,
    ...id,
    ...(version === 5 ? { properties: { ...fields.properties, ...expiry } } : {}),
  };
  return new Uint8Array(generate(packet, { protocolVersion: version }));
}

/** The frame lies somewhere inside a larger buffer. */
export function publishView(fields: PublishFields): PublishView {
  const frame = publishFrame(fields);
  const { bytes, start, end } = embedded(frame);
  const view = new PublishView();
  decodePublish(view, bytes, start, start + bodyOf(frame), end, fields.version);
  return view;
}

/** Frames that lie one behind the other inside a larger buffer, of one topic and QoS. */
export function publishRun(messages: readonly PublishFields[]): PublishRun {
  const frames = messages.map((fields) => publishFrame(fields));
  const { bytes, start } = embedded(Uint8Array.from(frames.flatMap((frame) => [...frame])));
  const run = new PublishRun();
  let at = start;
  for (const [index, frame] of frames.entries()) {
    const view = new PublishView();
    const { version, topic } = messages[index] as PublishFields;
    const bodyStart = at + bodyOf(frame);
    decodePublish(view, bytes, at, bodyStart, at + frame.length, version);
    if (index === 0) run.begin(view, bodyStart, false);
    else run.add(view, bodyStart);
    run.topic = topic;
    run.topicBytes = bytes.slice(view.topicStart, view.topicEnd);
    run.publisherId = "p";
    at += frame.length;
  }
  return run;
}

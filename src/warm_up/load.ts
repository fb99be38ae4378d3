import {
  createPublishHead,
  encodeControlPacket,
  encodeUtf8,
  type ProtocolVersion,
  publishFrameSize,
  type Qos,
  writePublishHead,
} from "../mqtt/mod.ts";

/** Who sends what to whom. */
export interface Load {
  /** Each group has topics of its own. */
  readonly groups: number;
  /** In each group; everybody in it gets everything that is sent in it. */
  readonly publishers: number;
  readonly subscribers: number;
  readonly qos: Qos;
  readonly version: ProtocolVersion;
  readonly payloadBytes: number;
  /** PUBLISH packets that a publisher sends in one write, and then waits until all of them have arrived. */
  readonly burst: number;
}

const PAIRS: Load = {
  groups: 10,
  publishers: 1,
  subscribers: 1,
  qos: 0,
  version: 4,
  payloadBytes: 64,
  burst: 32,
};
const FAN_OUT: Load = { ...PAIRS, groups: 1, subscribers: 100, burst: 8 };
const FAN_IN: Load = { ...PAIRS, groups: 1, publishers: 50, burst: 8 };

/** What brokers are used for: from one to one, to many, to one from many; each QoS, and 5.0. */
export const LOADS: readonly Load[] = [
  PAIRS,
  { ...PAIRS, qos: 1 },
  { ...FAN_OUT, qos: 1 },
  { ...PAIRS, qos: 2 },
  FAN_OUT,
  { ...PAIRS, qos: 1, version: 5 },
  FAN_IN,
  { ...FAN_IN, qos: 1 },
];

const PAYLOAD_FILL = 0x2a;

export function connectFrame(
  clientId: string,
  password: Uint8Array,
  version: ProtocolVersion,
): Uint8Array {
  return encodeControlPacket({
    type: "connect",
    version,
    clientId,
    cleanStart: true,
    keepAliveS: 60,
    username: clientId,
    password,
    receiveMaximum: 0xffff,
    topicAliasMaximum: 0,
    requestResponseInformation: false,
    requestProblemInformation: true,
    userProperties: [],
  }, version);
}

export function subscribeFrame(filter: string, { qos, version }: Load): Uint8Array {
  return encodeControlPacket({
    type: "subscribe",
    packetId: 1,
    subscriptionIdentifier: 0,
    userProperties: [],
    subscriptions: [{
      filter,
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    }],
  }, version);
}

/** The packets of one burst, one behind the other, with the packet identifiers from 1 on. */
export function burstOf(topic: string, { qos, version, payloadBytes, burst }: Load): Uint8Array {
  const head = createPublishHead();
  head.version = version;
  head.qos = qos;
  head.topicBytes = encodeUtf8(topic);
  head.payloadLength = payloadBytes;
  const frameBytes = publishFrameSize(head);
  const bytes = new Uint8Array(burst * frameBytes).fill(PAYLOAD_FILL);
  for (let i = 0; i < burst; i++) {
    head.packetId = i + 1;
    writePublishHead(bytes, i * frameBytes, head);
  }
  return bytes;
}

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

/** Few in a write: what is done once for each chunk, or each turn, is then done often enough to be compiled. */
const PAIRS: Load = {
  groups: 6,
  publishers: 1,
  subscribers: 1,
  qos: 0,
  version: 4,
  payloadBytes: 64,
  burst: 4,
};
/** More than a client may have unacknowledged, so that some of them wait in a queue. */
const QUEUED_BURST = 48;
/** So many large ones that the system does not take all of them at once, and some wait. */
const LARGE_BURST = 10;
/** More than are delivered together. */
const FAN_OUT: Load = { ...PAIRS, groups: 1, subscribers: 40, burst: 256 };
/** At QoS 1 so many for one that publishers give way to it. */
const FAN_IN: Load = { ...PAIRS, groups: 1, publishers: 20, burst: 40 };

/** What brokers are used for: from one to one, to many, to one from many; each QoS, 5.0, one by one, large ones. */
export const LOADS: readonly Load[] = [
  PAIRS,
  { ...PAIRS, qos: 1, burst: QUEUED_BURST },
  { ...PAIRS, qos: 2, burst: QUEUED_BURST },
  { ...PAIRS, qos: 1, version: 5 },
  { ...PAIRS, qos: 1 },
  { ...PAIRS, burst: 1 },
  { ...PAIRS, groups: 2, payloadBytes: 65_536, burst: LARGE_BURST },
  FAN_OUT,
  { ...FAN_OUT, qos: 1, burst: QUEUED_BURST },
  { ...FAN_IN, burst: PAIRS.burst },
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

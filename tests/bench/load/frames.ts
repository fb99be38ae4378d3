/** The packets that a load generator sends, as bytes. Of its own, so that it measures any state of the broker. */

export type Version = 3 | 4 | 5;
export type Qos = 0 | 1 | 2;

export interface ConnectFields {
  readonly clientId: string;
  readonly version: Version;
  readonly keepAliveS: number;
  /** undefined: the session ends with the connection. */
  readonly sessionExpiryS?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly will?:
    | { readonly topic: string; readonly qos: Qos; readonly delayS: number }
    | undefined;
}

const encoder = new TextEncoder();

export const PINGREQ_FRAME: Uint8Array = Uint8Array.of(0xc0, 0);
export const DISCONNECT_FRAME: Uint8Array = Uint8Array.of(0xe0, 0);

const [CLEAN_FLAG, WILL_FLAG, USERNAME_FLAG, PASSWORD_FLAG] = [0x02, 0x04, 0x80, 0x40];
const SESSION_EXPIRY = 0x11;
const WILL_DELAY = 0x18;

function uint16(value: number): number[] {
  return [value >>> 8, value & 0xff];
}

function uint32(value: number): number[] {
  return [...uint16(value >>> 16), ...uint16(value & 0xffff)];
}

function string(text: string): number[] {
  const bytes = encoder.encode(text);
  return [...uint16(bytes.length), ...bytes];
}

function variableByteInteger(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

function frame(firstByte: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([firstByte, ...variableByteInteger(body.length), ...body]);
}

export function connectFrame(fields: ConnectFields): Uint8Array {
  const { version, sessionExpiryS, username, password, will } = fields;
  const flags = (sessionExpiryS === undefined ? CLEAN_FLAG : 0) |
    (will === undefined ? 0 : WILL_FLAG | (will.qos << 3)) |
    (username === undefined ? 0 : USERNAME_FLAG) | (password === undefined ? 0 : PASSWORD_FLAG);
  const properties = version !== 5
    ? []
    : sessionExpiryS === undefined
    ? [0]
    : [5, SESSION_EXPIRY, ...uint32(sessionExpiryS)];
  return frame(0x10, [
    ...string(version === 3 ? "MQIsdp" : "MQTT"),
    version,
    flags,
    ...uint16(fields.keepAliveS),
    ...properties,
    ...string(fields.clientId),
    ...(will === undefined ? [] : willFields(will, version)),
    ...(username === undefined ? [] : string(username)),
    ...(password === undefined ? [] : string(password)),
  ]);
}

function willFields(
  will: { readonly topic: string; readonly delayS: number },
  version: Version,
): number[] {
  const properties = version === 5 ? [5, WILL_DELAY, ...uint32(will.delayS)] : [];
  return [...properties, ...string(will.topic), ...string("gone")];
}

export function subscribeFrame(
  packetId: number,
  filters: readonly string[],
  qos: Qos,
  version: Version,
): Uint8Array {
  const body = [...uint16(packetId), ...(version === 5 ? [0] : [])];
  for (const filter of filters) body.push(...string(filter), qos);
  return frame(0x82, body);
}

export function unsubscribeFrame(
  packetId: number,
  filters: readonly string[],
  version: Version,
): Uint8Array {
  const body = [...uint16(packetId), ...(version === 5 ? [0] : [])];
  for (const filter of filters) body.push(...string(filter));
  return frame(0xa2, body);
}

/** A PUBLISH to be stamped for each message: packet identifier, payload, and a part of its topic. */
export interface PublishTemplate {
  readonly bytes: Uint8Array;
  /** -1 at QoS 0. */
  readonly packetIdAt: number;
  readonly payloadAt: number;
  /** Where eight digits of the topic stand that make it one that was never seen; -1: the topic stays. */
  readonly counterAt: number;
  /** Deliveries that follow from one such message. */
  readonly deliveries: number;
}

/** Stands in a topic for the digits of a counter. */
export const COUNTER = "########";

export interface PublishFields {
  readonly topic: string;
  readonly payloadBytes: number;
  readonly qos: Qos;
  readonly version: Version;
  readonly deliveries: number;
  readonly retain?: boolean;
  /** 5.0 only; seconds. */
  readonly messageExpiryS?: number;
}

export function publishTemplate(fields: PublishFields): PublishTemplate {
  const { topic, payloadBytes, qos, version, messageExpiryS } = fields;
  const head = string(topic);
  const counterAt = topic.indexOf(COUNTER);
  if (qos > 0) head.push(0, 0);
  if (version === 5) {
    head.push(...(messageExpiryS === undefined ? [0] : [5, 0x02, ...uint32(messageExpiryS)]));
  }
  const lengthBytes = variableByteInteger(head.length + payloadBytes);
  const headAt = 1 + lengthBytes.length;
  const bytes = new Uint8Array(headAt + head.length + payloadBytes).fill(0x78);
  bytes[0] = 0x30 | (qos << 1) | (fields.retain === true ? 1 : 0);
  bytes.set(lengthBytes, 1);
  bytes.set(head, headAt);
  return {
    bytes,
    packetIdAt: qos === 0 ? -1 : headAt + 2 + encoder.encode(topic).length,
    payloadAt: headAt + head.length,
    counterAt: counterAt < 0 ? -1 : headAt + 2 + encoder.encode(topic.slice(0, counterAt)).length,
    deliveries: fields.deliveries,
  };
}

/** Writes `counter` as eight hexadecimal digits. */
export function stampCounter(bytes: Uint8Array, at: number, counter: number): void {
  for (let digit = 0; digit < 8; digit++) {
    const value = (counter >>> (28 - 4 * digit)) & 15;
    bytes[at + digit] = value < 10 ? 0x30 + value : 0x57 + value;
  }
}

/** Bytes of a payload that say when it was sent, by which publisher, and its number. */
export const STAMP_BYTES = 12;

export function stampPayload(
  bytes: Uint8Array,
  at: number,
  nowUs: number,
  publisher: number,
  sequence: number,
): void {
  writeUint32(bytes, at, nowUs);
  writeUint32(bytes, at + 4, publisher);
  writeUint32(bytes, at + 8, sequence);
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

const CONNACK_TWO_BYTES = new Set([0x21, 0x22, 0x13]);
const CONNACK_FOUR_BYTES = new Set([0x11, 0x27]);
const CONNACK_ONE_BYTE = new Set([0x24, 0x25, 0x28, 0x29, 0x2a]);
const USER_PROPERTY = 0x26;
const RECEIVE_MAXIMUM = 0x21;
const RECEIVE_MAXIMUM_DEFAULT = 65535;

/** The receive maximum in the properties `bytes[at..end)` of a CONNACK, their length in front. */
export function receiveMaximumOf(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  while (((bytes[next++] as number) & 0x80) !== 0 && next < end);
  const skipString = (from: number): number =>
    from + 2 + ((bytes[from] as number) << 8 | (bytes[from + 1] as number));
  while (next < end) {
    const id = bytes[next++] as number;
    if (id === RECEIVE_MAXIMUM) {
      return (bytes[next] as number) << 8 | (bytes[next + 1] as number);
    }
    if (CONNACK_TWO_BYTES.has(id)) next += 2;
    else if (CONNACK_FOUR_BYTES.has(id)) next += 4;
    else if (CONNACK_ONE_BYTE.has(id)) next += 1;
    else if (id === USER_PROPERTY) next = skipString(skipString(next));
    else next = skipString(next);
  }
  return RECEIVE_MAXIMUM_DEFAULT;
}

import type { RetainHandling } from "../../mqtt/mod.ts";
import type {
  Identity,
  IdentityMethod,
  IdentityRule,
  SessionRecord,
  StoredClient,
  StoredWill,
} from "../../ports/mod.ts";
import type { Subscription } from "../../routing/mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import { type ByteSource, StoredDataError } from "./byte_source.ts";
import { readMessage, writeParts } from "./message_body.ts";

const WILL_BIT = 0b1;
const WILL_EXPIRES_BIT = 0b10;
const USERNAME_BIT = 0b100;
const SUPERUSER_BIT = 0b1000;
/** Bodies of before there were methods say nothing of them. */
const METHOD_BIT = 0b10000;
const RULES_BIT = 0b100000;
/** Bodies of before sessions had owners say nothing of them. */
const OWNER_BIT = 0b1000000;
/** Bodies of before clients were remembered say nothing of them. */
const CLIENT_BIT = 0b10000000;

export function writeSession(sink: ByteSink, record: SessionRecord): void {
  const { will, owner, client } = record;
  sink.reserve(1);
  sink.byte(
    (will === undefined ? 0 : willFlags(will)) | (owner === undefined ? 0 : OWNER_BIT) |
      (client === undefined ? 0 : CLIENT_BIT),
  );
  sink.text(record.clientId);
  sink.varint(record.expiryS);
  sink.float(record.createdAtMs);
  sink.float(record.disconnectedAtMs);
  if (owner !== undefined) sink.text(owner);
  if (client !== undefined) writeClient(sink, client);
  if (will !== undefined) writeWill(sink, will);
}

function willFlags({ messageExpiryS, identity }: StoredWill): number {
  return WILL_BIT | METHOD_BIT |
    (messageExpiryS === undefined ? 0 : WILL_EXPIRES_BIT) |
    (identity.username === undefined ? 0 : USERNAME_BIT) |
    (identity.isSuperuser === true ? SUPERUSER_BIT : 0) |
    (identity.aclRules === undefined ? 0 : RULES_BIT);
}

function writeWill(sink: ByteSink, will: StoredWill): void {
  const { messageExpiryS, identity } = will;
  sink.varint(will.delayS);
  if (messageExpiryS !== undefined) sink.varint(messageExpiryS);
  sink.text(identity.clientId);
  if (identity.username !== undefined) sink.text(identity.username);
  sink.text(identity.remoteAddress);
  sink.text(identity.method);
  if (identity.aclRules !== undefined) writeRules(sink, identity.aclRules);
  writeParts(sink, will.message, Infinity);
}

export function readSession(source: ByteSource): SessionRecord {
  const flags = source.byte();
  const clientId = source.text();
  const expiryS = source.varint();
  const createdAtMs = source.float();
  const disconnectedAtMs = source.float();
  const owner = (flags & OWNER_BIT) === 0 ? undefined : source.text();
  const client = (flags & CLIENT_BIT) === 0 ? undefined : { client: readClient(source) };
  const will = (flags & WILL_BIT) === 0 ? undefined : readWill(source, flags);
  return { clientId, expiryS, createdAtMs, disconnectedAtMs, owner, will, ...client };
}

const VERSION_BITS = 0b111;
const CLEAN_START_BIT = 0b1000;
const HAS_USERNAME_BIT = 0b10000;

function writeClient(sink: ByteSink, client: StoredClient): void {
  const { username, version, cleanStart } = client;
  sink.reserve(1);
  sink.byte(
    version | (cleanStart ? CLEAN_START_BIT : 0) | (username === undefined ? 0 : HAS_USERNAME_BIT),
  );
  if (username !== undefined) sink.text(username);
  sink.text(client.method);
  sink.varint(client.keepAliveS);
  sink.varint(client.receiveMaximum);
  sink.text(client.address);
  sink.varint(client.port);
  sink.text(client.listenerName);
  sink.text(client.listenerType);
  sink.text(client.mountpoint);
  sink.float(client.acceptedAtMs);
  sink.float(client.connectedAtMs);
}

/** Few texts that very many sessions have: each is held once. */
const SHARED_TEXTS_MAX = 256;
const sharedTexts = new Map<string, string>();

function shared(text: string): string {
  const known = sharedTexts.get(text);
  if (known === undefined && sharedTexts.size < SHARED_TEXTS_MAX) sharedTexts.set(text, text);
  return known ?? text;
}

function readClient(source: ByteSource): StoredClient {
  const flags = source.byte();
  const version = flags & VERSION_BITS;
  if (version < 3 || version > 5) {
    throw new StoredDataError(`Cannot read stored data: protocol version ${version}`);
  }
  return {
    version: version as StoredClient["version"],
    cleanStart: (flags & CLEAN_START_BIT) !== 0,
    username: (flags & HAS_USERNAME_BIT) === 0 ? undefined : source.text(),
    method: shared(source.text()) as IdentityMethod,
    keepAliveS: source.varint(),
    receiveMaximum: source.varint(),
    address: source.text(),
    port: source.varint(),
    listenerName: shared(source.text()),
    listenerType: shared(source.text()) as StoredClient["listenerType"],
    mountpoint: shared(source.text()),
    acceptedAtMs: source.float(),
    connectedAtMs: source.float(),
  };
}

function readWill(source: ByteSource, flags: number): StoredWill {
  const delayS = source.varint();
  const messageExpiryS = (flags & WILL_EXPIRES_BIT) === 0 ? undefined : source.varint();
  const identity = readIdentity(source, flags);
  const { topic, topicBytes, payload, qos, retain, properties, publisherId } = readMessage(source);
  const message = { topic, topicBytes, payload, qos, retain, properties, publisherId };
  return { message, messageExpiryS, delayS, identity };
}

/** What the sender of a will may do is judged again when the will is published. */
function readIdentity(source: ByteSource, flags: number): Identity {
  const clientId = source.text();
  const username = (flags & USERNAME_BIT) === 0 ? undefined : source.text();
  const remoteAddress = source.text();
  const method = (flags & METHOD_BIT) === 0 ? "anonymous" : source.text() as IdentityMethod;
  const identity = { clientId, username, remoteAddress, method };
  const superuser = (flags & SUPERUSER_BIT) === 0 ? undefined : { isSuperuser: true };
  const rules = (flags & RULES_BIT) === 0 ? undefined : { aclRules: readRules(source) };
  return { ...identity, ...superuser, ...rules };
}

const RULE_ACTIONS = ["publish", "subscribe", "all"] as const;
const DENY_BIT = 0b100;

function writeRules(sink: ByteSink, rules: readonly IdentityRule[]): void {
  sink.varint(rules.length);
  for (const { permit, action, topics } of rules) {
    sink.reserve(1);
    sink.byte(RULE_ACTIONS.indexOf(action) | (permit === "deny" ? DENY_BIT : 0));
    sink.varint(topics.length);
    for (const topic of topics) sink.text(topic);
  }
}

function readRules(source: ByteSource): readonly IdentityRule[] {
  const rules: IdentityRule[] = [];
  for (let left = source.varint(); left > 0; left--) {
    const flags = source.byte();
    const action = RULE_ACTIONS[flags & 0b11];
    if (action === undefined || flags > 0b111) {
      throw new StoredDataError(`Cannot read stored data: access rule ${flags}`);
    }
    const topics: string[] = [];
    for (let more = source.varint(); more > 0; more--) topics.push(source.text());
    rules.push({ permit: (flags & DENY_BIT) === 0 ? "allow" : "deny", action, topics });
  }
  return rules;
}

const NO_LOCAL_BIT = 0b100;
const AS_PUBLISHED_BIT = 0b1000;
const HANDLING_SHIFT = 4;

export function writeSubscription(sink: ByteSink, subscription: Subscription): void {
  sink.reserve(1);
  sink.byte(
    subscription.qos | (subscription.noLocal ? NO_LOCAL_BIT : 0) |
      (subscription.retainAsPublished ? AS_PUBLISHED_BIT : 0) |
      subscription.retainHandling << HANDLING_SHIFT,
  );
  sink.varint(subscription.identifier);
  sink.text(subscription.shareName);
  sink.text(subscription.filter);
}

export function readSubscription(source: ByteSource): Subscription {
  const flags = source.byte();
  const qos = flags & 0b11;
  const retainHandling = flags >> HANDLING_SHIFT;
  if (qos > 2 || retainHandling > 2) {
    throw new StoredDataError(`Cannot read stored data: subscription options ${flags}`);
  }
  return {
    qos: qos as Subscription["qos"],
    noLocal: (flags & NO_LOCAL_BIT) !== 0,
    retainAsPublished: (flags & AS_PUBLISHED_BIT) !== 0,
    retainHandling: retainHandling as RetainHandling,
    identifier: source.varint(),
    shareName: source.text(),
    filter: source.text(),
  };
}

/** Random messages, grants, sessions, wills and subscriptions. */
import type { Prng } from "../../../src/base/mod.ts";
import type { Qos } from "../../../src/mqtt/mod.ts";
import type { SessionRecord, StoredGroup } from "../../../src/ports/mod.ts";
import type { Subscription } from "../../../src/routing/mod.ts";
import type { Delivery, Message } from "../../../src/session/mod.ts";
import { deliveryOf, framedMessage, messageOf } from "../../support/storage_rig.ts";

const TEXTS = ["", "a", "site/17/state", "größe/ß", "温度/五", "x".repeat(200), "🌡/°"];

export function randomBytes(prng: Prng, lengthMax: number): Uint8Array {
  return Uint8Array.from({ length: prng.nextInt(lengthMax + 1) }, () => prng.nextInt(256));
}

export function randomTopic(prng: Prng): string {
  return prng.pick(TEXTS) + "/" + prng.nextInt(50);
}

export function randomMessage(prng: Prng): Message {
  const payload = randomBytes(prng, prng.pick([0, 3, 100, 3000]));
  const qos = prng.nextInt(3) as Qos;
  if (prng.nextBoolean()) {
    return framedMessage(randomTopic(prng), payload, qos, prng.pick(TEXTS));
  }
  return messageOf(randomTopic(prng), "", {
    payload,
    qos,
    retain: prng.nextBoolean(),
    properties: randomBytes(prng, prng.pick([0, 40])),
    expiresAtMs: prng.pick([Infinity, 1_700_000_000_123, 0.5]),
    publisherId: prng.pick(TEXTS),
  });
}

export function randomDelivery(prng: Prng): Delivery<StoredGroup> {
  return deliveryOf(randomMessage(prng), {
    qos: prng.nextInt(3) as Qos,
    retain: prng.nextBoolean(),
    identifiers: prng.pick([[], [1], [268_435_455, 127, 128]]),
    group: prng.pick([undefined, { shareName: "größe", filter: "a/+/#" }]),
  });
}

export function randomRecord(prng: Prng, clientId: string): SessionRecord {
  const { expiresAtMs: _, ...message } = messageOf(randomTopic(prng), "last words", {
    payload: randomBytes(prng, 50),
    properties: randomBytes(prng, 10),
    qos: prng.nextInt(3) as Qos,
    retain: prng.nextBoolean(),
    publisherId: clientId,
  });
  return {
    clientId,
    expiryS: prng.pick([1, 3600, 0xffffffff]),
    createdAtMs: 1_700_000_000_000 + prng.nextInt(1000),
    disconnectedAtMs: prng.pick([0, 1_700_000_000_999]),
    owner: prng.pick([undefined, "", "größe"]),
    ...prng.pick([{}, {
      client: {
        username: prng.pick([undefined, "", "größe"]),
        method: prng.pick(["anonymous", "scram"]),
        version: prng.pick([3, 4, 5]),
        cleanStart: prng.nextBoolean(),
        keepAliveS: prng.nextInt(65_536),
        receiveMaximum: prng.nextInt(65_536),
        address: prng.pick(["", "10.0.0.1", "::1"]),
        port: prng.nextInt(65_536),
        listenerName: "tcp:default",
        listenerType: prng.pick(["tcp", "wss"]),
        mountpoint: prng.pick(["", "a/"]),
        acceptedAtMs: 1_700_000_000_000.5,
        connectedAtMs: 1_700_000_000_001,
      },
    }]),
    will: prng.nextBoolean() ? undefined : {
      message,
      messageExpiryS: prng.pick([undefined, 0, 0xffffffff]),
      delayS: prng.nextInt(1000),
      identity: {
        clientId,
        username: prng.pick([undefined, "", "user"]),
        remoteAddress: prng.pick(["127.0.0.1", "::1"]),
        method: prng.pick(["anonymous", "jwt"]),
        ...prng.pick([{}, { isSuperuser: true }]),
        ...prng.pick([
          {},
          { aclRules: [] },
          { aclRules: [{ permit: "deny", action: "all", topics: ["größe/%c/#"] }] },
        ]),
      },
    },
  };
}

export function randomSubscription(prng: Prng, filter: string): Subscription {
  return {
    filter,
    shareName: prng.pick(["", "group"]),
    qos: prng.nextInt(3) as Qos,
    noLocal: prng.nextBoolean(),
    retainAsPublished: prng.nextBoolean(),
    retainHandling: prng.nextInt(3) as Subscription["retainHandling"],
    identifier: prng.pick([0, 1, 268_435_455]),
  };
}

import {
  type ConnectPacket,
  encodeUtf8,
  isSysTopic,
  isValidTopicName,
  measureUserProperties,
  ReasonCode,
  topicLevelCount,
} from "../mqtt/mod.ts";
import type { Identity, StoredWill } from "../ports/mod.ts";
import { type ConnectProblem, connectProblem as problem } from "./admission.ts";
import type { ClientConnection } from "./client_connection.ts";
import { isDelayedTopic, parseDelayedTopic } from "./delayed_topic.ts";
import type { LimitsOptions } from "./options.ts";

type Will = NonNullable<ConnectPacket["will"]>;

/** Why the will of a CONNECT, which is well-formed, cannot be taken; its publisher's rights are another question. */
export function checkWill(
  from: ClientConnection,
  { will }: ConnectPacket,
): ConnectProblem | undefined {
  if (will === undefined) return undefined;
  const { options, limits } = from.core;
  if (will.qos > options.maxQos) { // [MQTT-3.2.2-12]
    return problem(ReasonCode.qosNotSupported, `will with QoS ${will.qos}`);
  }
  if (will.retain && !options.retainAvailable) { // [MQTT-3.2.2-13]
    return problem(ReasonCode.retainNotSupported, "retained will, and nothing is retained here");
  }
  return checkTopic(from, will) ?? checkProperties(will, limits);
}

function checkTopic(from: ClientConnection, will: Will): ConnectProblem | undefined {
  const { mountpoint, core: { options } } = from;
  const isValid = isValidTopicName(will.topic) && mountpoint?.isTooLong(will.topic) !== true;
  if (!isValid || topicLevelCount(mounted(from, will)) > options.maxTopicLevels) {
    return problem(ReasonCode.topicNameInvalid, `will topic "${will.topic}"`);
  }
  if (isDelayed(from, will) && parseDelayedTopic(will.topic, 0) === undefined) {
    return problem(ReasonCode.topicNameInvalid, `will topic "${will.topic}" names no delay`);
  }
  if (isSysTopic(willTopicToJudge(from, will))) {
    return problem(ReasonCode.notAuthorized, `will topic "${will.topic}" is the broker's own`);
  }
  return undefined;
}

/** As of any message. */
function checkProperties(
  will: Will,
  { maxUserProperties, maxUserPropertyBytes }: LimitsOptions,
): ConnectProblem | undefined {
  if (will.properties.length === 0) return undefined;
  const { count, bytes } = measureUserProperties(will.properties);
  if (maxUserProperties > 0 && count > maxUserProperties) {
    return problem(
      ReasonCode.quotaExceeded,
      `will with ${count} user properties, allowed are ${maxUserProperties}`,
    );
  }
  if (maxUserPropertyBytes > 0 && bytes > maxUserPropertyBytes) {
    return problem(
      ReasonCode.quotaExceeded,
      `will with user properties of ${bytes} bytes, allowed are ${maxUserPropertyBytes}`,
    );
  }
  return undefined;
}

function mounted({ mountpoint }: ClientConnection, { topic }: Will): string {
  return mountpoint?.mount(topic, false) ?? topic;
}

function isDelayed({ core: { options } }: ClientConnection, { topic }: Will): boolean {
  return options.hasDelayedPublish && isDelayedTopic(topic, 0);
}

/** Where the will is to be published in the end, which is what rules are about. */
export function willTopicToJudge(from: ClientConnection, will: Will): string {
  const topic = mounted(from, will);
  if (!isDelayed(from, will)) return topic;
  return parseDelayedTopic(topic, from.mountpoint?.text.length ?? 0)?.topic ?? topic;
}

/** What the session keeps of it. */
export function willOf(
  packet: ConnectPacket,
  clientId: string,
  identity: Identity,
  from: ClientConnection,
): StoredWill | undefined {
  const { will } = packet;
  if (will === undefined) return undefined;
  const { payload, qos, retain, properties } = will;
  const topic = mounted(from, will);
  return {
    message: {
      topic,
      topicBytes: encodeUtf8(topic),
      payload,
      qos,
      retain,
      properties,
      publisherId: clientId,
    },
    messageExpiryS: will.messageExpiryS,
    delayS: Math.min(will.delayS, from.core.options.maxWillDelayS),
    identity,
  };
}

import { isPromise } from "../../base/mod.ts";
import {
  isSysTopic,
  isValidTopicName,
  type Qos,
  ReasonCode,
  topicLevelCount,
} from "../../mqtt/mod.ts";
import type { Identity, Publisher } from "../../ports/mod.ts";
import { type Message, NO_BYTES } from "../../session/mod.ts";
import type { EventColumns } from "../events/event_columns.ts";
import { type SqlObject, type Template } from "../sql/mod.ts";
import { ActionError, type ActionOutcome, type Performer, type Settle } from "./action.ts";
import { actionPublisher, legacyPublisher, type RepublishChain } from "./republish_chain.ts";

export interface RepublishOptions {
  readonly topic: Pick<Template, "render">;
  /** -1: as the message that the event is about. */
  readonly qos: -1 | Qos;
  readonly payload: Template;
  /** As EMQX 3.1: properties and expiry of the message go along. */
  readonly isLegacy: boolean;
}

/** What the broker takes from everybody. */
export interface PublishLimits {
  readonly maxTopicLevels: number;
  readonly maxPacketSizeBytes: number;
  readonly maxQos: number;
}

export interface RepublishParts {
  readonly actionId: string;
  readonly options: RepublishOptions;
  readonly publisher: Publisher;
  readonly chain: RepublishChain;
  /** As they are now. */
  readonly limits: () => PublishLimits;
}

const encoder = new TextEncoder();

/** Publishes what was selected as a message of its own. */
export class RepublishPerformer implements Performer {
  readonly #parts: RepublishParts;

  constructor(parts: RepublishParts) {
    this.#parts = parts;
  }

  perform(selected: SqlObject, event: EventColumns, settle: Settle): ActionOutcome {
    const { actionId, chain, publisher } = this.#parts;
    const number = chain.next(actionId, event.publisherId);
    const message = this.#message(selected, event, number);
    checkLimits(message, this.#parts.limits());
    const answer = chain.run(
      actionId,
      number,
      () => publisher.publishMessage(message, identityOf(message.publisherId)),
    );
    if (isPromise(answer)) {
      answer.then((late) => settle(isFine(late)), () => settle(false));
      return "pending";
    }
    if (!isFine(answer)) {
      throw new ActionError(`Cannot republish to "${message.topic}": reason code ${answer}`);
    }
    return "done";
  }

  #message(selected: SqlObject, event: EventColumns, number: number): Message {
    const { actionId, options } = this.#parts;
    const topic = options.topic.render(selected);
    if (!isValidTopicName(topic) || isSysTopic(topic)) {
      throw new ActionError(
        `Cannot republish: the topic is ${JSON.stringify(topic.slice(0, 200))}`,
      );
    }
    const source = event.message;
    const hasProperties = options.isLegacy && source !== undefined;
    return {
      topic,
      topicBytes: encoder.encode(topic),
      payload: this.#payload(selected, event, source),
      qos: options.qos === -1 ? source?.qos ?? 0 : options.qos,
      retain: source?.retain ?? false,
      properties: hasProperties ? source.properties : NO_BYTES,
      expiresAtMs: hasProperties ? source.expiresAtMs : Infinity,
      publisherId: options.isLegacy
        ? legacyPublisher(event.publisherId, event.clientId)
        : actionPublisher(actionId, number),
    };
  }

  #payload(selected: SqlObject, event: EventColumns, source: Message | undefined): Uint8Array {
    const { payload } = this.#parts.options;
    // Whatever bytes it has: it may be no text at all.
    if (payload.isPayload && source !== undefined) return source.payload;
    return encoder.encode(payload.render(selected, event));
  }
}

function checkLimits(
  { topic, topicBytes, payload, properties, qos }: Message,
  { maxTopicLevels, maxPacketSizeBytes, maxQos }: PublishLimits,
): void {
  const levels = topicLevelCount(topic);
  if (levels > maxTopicLevels) {
    throw new ActionError(
      `Cannot republish to a topic of ${levels} levels: allowed are ${maxTopicLevels}`,
    );
  }
  const size = topicBytes.length + payload.length + properties.length;
  if (size > maxPacketSizeBytes) {
    throw new ActionError(
      `Cannot republish a message of ${size} bytes: allowed are ${maxPacketSizeBytes}`,
    );
  }
  if (qos > maxQos) {
    throw new ActionError(`Cannot republish with QoS ${qos}: allowed is up to ${maxQos}`);
  }
}

/** Whoever writes rules is an administrator: access rules are about clients. */
function identityOf(clientId: string): Identity {
  return {
    clientId,
    username: undefined,
    remoteAddress: "",
    method: "internal",
    isSuperuser: true,
  };
}

function isFine(reasonCode: ReasonCode): boolean {
  return reasonCode === ReasonCode.success || reasonCode === ReasonCode.noMatchingSubscribers;
}

import type { Controller } from "../broker/mod.ts";
import {
  encodeMessageProperties,
  encodeUtf8,
  isSysTopic,
  isValidTopicName,
  type MessageProperties,
  PacketEncodeError,
  ReasonCode,
  STRING_BYTES_MAX,
  topicLevelCount,
} from "../mqtt/mod.ts";
import type { Message } from "../session/mod.ts";
import type { Clock } from "../base/mod.ts";
import { ManagementError } from "./management_error.ts";
import { refusalError } from "./refusal.ts";
import type { MessagesService, PublishRequest, PublishResult } from "./service.ts";

const EXPIRY_MAX_S = 0xffff_ffff;
const NO_PROPERTIES: MessageProperties = { userProperties: [] };

/** Messages that come in through this node. */
export class LocalMessages implements MessagesService {
  readonly #controller: Controller;
  readonly #clock: Clock;

  constructor(controller: Controller, clock: Clock) {
    this.#controller = controller;
    this.#clock = clock;
  }

  async publish(request: PublishRequest): Promise<PublishResult> {
    const message = this.#messageOf(request);
    if (isSysTopic(message.topic)) { // the broker's own
      return { reasonCode: ReasonCode.notAuthorized, matched: 0 };
    }
    const answer = await this.#controller.publish(message, request.publisher);
    if ("refused" in answer) throw refusalError("publish to", message.topic, answer);
    return answer;
  }

  #messageOf(request: PublishRequest): Message {
    const { topic, payload, qos, retain, publisher } = request;
    this.#checkTopic(topic);
    this.#checkDelivery(qos, retain);
    const topicBytes = encodeUtf8(topic);
    const properties = propertiesOf(request);
    const size = topicBytes.length + properties.length + payload.length;
    const { maxPacketSizeBytes } = this.#controller.options;
    if (size > maxPacketSizeBytes) {
      throw new ManagementError(
        "too-large",
        `Cannot publish: a message of ${size} bytes, allowed are ${maxPacketSizeBytes}`,
      );
    }
    const expiresAtMs = this.#expiresAtMs(request.messageExpiryS);
    const publisherId = publisher.clientId;
    return { topic, topicBytes, payload, qos, retain, properties, expiresAtMs, publisherId };
  }

  #checkTopic(topic: string): void {
    if (!isValidTopicName(topic)) throw invalid(`${JSON.stringify(topic)} is not a topic name`);
    const { maxTopicLevels } = this.#controller.options;
    const levels = topicLevelCount(topic);
    if (levels > maxTopicLevels) {
      throw invalid(`a topic of ${levels} levels, allowed are ${maxTopicLevels}`);
    }
  }

  #checkDelivery(qos: number, retain: boolean): void {
    const { maxQos, retainAvailable } = this.#controller.options;
    if (!Number.isInteger(qos) || qos < 0 || qos > maxQos) {
      throw invalid(`QoS is ${qos}, allowed are 0 to ${maxQos}`);
    }
    if (retain && !retainAvailable) throw invalid("retained messages are not available");
  }

  #expiresAtMs(expiryS: number | undefined): number {
    if (expiryS === undefined) return Infinity;
    if (!Number.isInteger(expiryS) || expiryS < 0 || expiryS > EXPIRY_MAX_S) {
      throw invalid(`message expiry is ${expiryS}, allowed are 0 to ${EXPIRY_MAX_S} seconds`);
    }
    return this.#clock.nowMs() + expiryS * 1000;
  }
}

function propertiesOf({ properties = {}, payload }: PublishRequest): Uint8Array {
  const { responseTopic, payloadFormatUtf8, correlationData } = properties;
  if (responseTopic !== undefined && !isValidTopicName(responseTopic)) {
    throw invalid(`response topic ${JSON.stringify(responseTopic)} is not a topic name`);
  }
  if (payloadFormatUtf8 === true && !isUtf8(payload)) {
    throw invalid("the payload is said to be UTF-8 and is not");
  }
  if (correlationData !== undefined && correlationData.length > STRING_BYTES_MAX) {
    throw invalid(`correlation data of ${correlationData.length} bytes`);
  }
  try {
    return encodeMessageProperties({ ...NO_PROPERTIES, ...properties });
  } catch (error) {
    if (!(error instanceof PacketEncodeError)) throw error;
    throw new ManagementError("invalid", `Cannot publish: ${error.message}`, { cause: error });
  }
}

/** Other than a string of MQTT it may have any character. */
function isUtf8(payload: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(payload);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function invalid(detail: string): ManagementError {
  return new ManagementError("invalid", `Cannot publish: ${detail}`);
}

import * as z from "zod/mini";
import type { Identity } from "../../ports/mod.ts";
import { isSysTopic, isValidTopicName } from "../../mqtt/mod.ts";
import { ManagementError } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Api, emptyReply } from "../kit/mod.ts";

const utf8 = new TextEncoder();

const Qos = z.union([
  z.literal([0, 1, 2]),
  z.pipe(z.literal(["0", "1", "2"]), z.transform((text): 0 | 1 | 2 => Number(text) as 0 | 1 | 2)),
]);

const Flag = z.union([
  z.boolean(),
  z.pipe(z.literal(["true", "false"]), z.transform((text): boolean => text === "true")),
]);

const PublishBody = z.object({
  topic: z.string().check(
    z.minLength(1),
    z.refine(isValidTopicName, {
      error: "a topic name: at most 65535 bytes of UTF-8 without +, # and U+0000",
    }),
  ),
  qos: z._default(Qos, 0),
  retain: z._default(Flag, false),
  message: z.string(),
});

const ErrorBody = z.object({ message: z.string() });

/** Whom such messages are from. Access rules for this name, or for the caller's address, hold. */
function publisherAt(remoteAddress: string): Identity {
  return { clientId: "smqtt-http", username: undefined, remoteAddress, method: "internal" };
}

/** `POST /smqtt/publish`. */
export function addPublish(api: Api, context: DialectContext): void {
  api.route({
    method: "POST",
    path: "/smqtt/publish",
    operationId: "publish",
    summary: "Publishes a message",
    body: PublishBody,
    replies: {
      200: { description: "The broker has the message" },
      400: { description: "The request is wrong", schema: ErrorBody },
      413: { description: "The body is too large", schema: ErrorBody },
      500: { description: "The broker refuses the message", schema: ErrorBody },
      503: { description: "The broker cannot take it now", schema: ErrorBody },
    },
  }, async (call, { body }) => {
    const { topic, message, qos, retain } = body;
    if (isSysTopic(topic)) {
      throw new ManagementError("invalid", `topic: found "${topic}", allowed none of $SYS`);
    }
    const payload = utf8.encode(message);
    const { reasonCode } = await context.management.messages.publish({
      topic,
      payload,
      qos,
      retain,
      publisher: publisherAt(call.request.connection.remoteAddress),
    });
    if (reasonCode >= 0x80) {
      throw new ManagementError("forbidden", "Cannot publish: the broker refuses the message");
    }
    if (context.options.apis.smqtt.publishReply === "empty") return emptyReply(200);
    return { status: 200, headers: [], body: "success" };
  });
}

import { ReasonCode, reasonCodeText } from "../../mqtt/mod.ts";
import { ManagementError } from "../../management/mod.ts";
import type { Identity } from "../../ports/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Api, type Call, emptyReply, RequestRefused } from "../kit/mod.ts";
import { DENIED } from "./errors.ts";
import { MessageIds } from "./message_id.ts";
import { foldNames, QuerySchema, readParameters } from "./parameters.ts";
import { decodeTopic, encodedTopicOf } from "./topic_path.ts";

/** What every request is routed as, and what the document says. */
export const ROUTE_PATH = "/topics/:topic";

const RANDOM_BYTES = 12;

/** `POST /topics/{topic}`: the body is the payload, byte for byte. */
export function addPublish(api: Api<Identity>, context: DialectContext): void {
  const ids = new MessageIds({
    randomBytes: crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)),
    pid: context.runtime.pid,
    nowMs: () => context.clock.nowMs(),
  });
  api.route({
    method: "POST",
    path: ROUTE_PATH,
    operationId: "publish",
    summary: "Publishes the body under the topic of the path",
    documentedQuery: QuerySchema,
    rawBody: { description: "The payload, whatever its content type" },
    replies: {
      200: { description: "The broker has the message; X-Message-Id names it" },
      400: {
        description: "Path, topic, a parameter or the size is wrong",
        contentType: "text/plain",
      },
      401: { description: "Unknown, or not allowed to publish there", contentType: "text/plain" },
      405: { description: "Another method than POST", contentType: "text/plain" },
      429: { description: "More messages than the quota", contentType: "text/plain" },
      500: { description: "The broker cannot take it", contentType: "text/plain" },
    },
  }, async (call, { caller }) => {
    const topic = topicOf(call);
    const parameters = readParameters(foldNames(call.queryPairs()));
    await checkAccess(context, caller, topic);
    const payload = await call.bytes();
    checkFormat(payload, parameters.properties.payloadFormatUtf8);
    const { reasonCode } = await context.management.messages.publish({
      ...parameters,
      topic,
      payload,
      publisher: caller,
    });
    checkAnswer(reasonCode);
    const id = ids.next();
    if (context.logger.isEnabled("debug")) {
      context.logger.debug("A message has come by HTTP", {
        id,
        topic,
        clientId: caller.clientId,
        address: caller.remoteAddress,
      });
    }
    return emptyReply(200, [["x-message-id", id]]);
  });
}

function topicOf(call: Call): string {
  // Whether a raw slash is allowed was judged before anybody was asked.
  const encoded = encodedTopicOf(call.rawPath, false) ?? "";
  const topic = decodeTopic(encoded);
  if (topic !== undefined) return topic;
  const detail = `found ${JSON.stringify(encoded.slice(0, 100))}, allowed a topic name of 1 to ` +
    "65535 bytes of UTF-8, percent-encoded, without +, # and U+0000";
  const problems = [{ field: "topic", detail, isMissing: false }];
  throw new RequestRefused({ kind: "invalid", where: "path", problems });
}

/** Before the body is read: who may not publish need not send it. */
async function checkAccess(
  { management }: DialectContext,
  caller: Identity,
  topic: string,
): Promise<void> {
  const isSys = topic === "$SYS" || topic.startsWith("$SYS/");
  if (!isSys && await management.access.authorize(caller, "publish", topic) === "allow") return;
  throw new RequestRefused({ kind: "unauthorized", reason: DENIED });
}

function checkFormat(payload: Uint8Array, isUtf8: boolean | undefined): void {
  if (isUtf8 !== true) return;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch (cause) {
    throw new ManagementError(
      "invalid",
      "Cannot publish: PayloadFormatIndicator is 1, and the body is not UTF-8",
      { cause },
    );
  }
}

function checkAnswer(reasonCode: ReasonCode): void {
  if (reasonCode < 0x80) return;
  if (reasonCode === ReasonCode.notAuthorized) {
    throw new RequestRefused({ kind: "unauthorized", reason: DENIED });
  }
  const code = reasonCode === ReasonCode.topicNameInvalid ? "invalid" : "forbidden";
  throw new ManagementError(code, `Cannot publish: ${reasonCodeText(reasonCode)}`);
}

import * as z from "zod/mini";
import { isValidTopicName, parseTopicFilter } from "../../mqtt/mod.ts";
import { type Parameters, wrong } from "./parameters.ts";
import { Code, Failure, success } from "./result.ts";
import { type Routes, translating } from "./routes.ts";

const Topics = {
  topic: z.optional(z.string()),
  topics: z.optional(z.union([z.string(), z.array(z.string())])),
  qos: z.optional(z.literal([0, 1, 2])),
  "client_id": z.optional(z.string()),
};
const NO_SESSION = { "not-found": [Code.notOnline, "session_not_found"] } as const;
const utf8 = new TextEncoder();

/** Publishing, and subscribing on behalf of a client. */
export function addMessages(routes: Routes): void {
  addPublish(routes);
  const { clients } = routes.management;
  routes
    .add("POST", "/mqtt/subscribe", "mqtt_subscribe", async ({ parameters }) => {
      const filters = topicsOf(parameters).map(toSharedFilter);
      if (!filters.every(isFilter)) throw badTopic();
      const qos = parameters.qos();
      const clientId = parameters.text("client_id") ?? "";
      await translating(
        { ...NO_SESSION, invalid: [Code.badTopic, "bad_topic"] },
        () => clients.subscribe(clientId, filters.map((filter) => ({ filter, qos }))),
      );
      return success();
    }, { body: z.object(Topics) })
    .add("POST", "/mqtt/unsubscribe", "mqtt_unsubscribe", async ({ parameters }) => {
      const filter = toSharedFilter(parameters.text("topic") ?? "");
      if (!isFilter(filter)) throw badTopic();
      const clientId = parameters.text("client_id") ?? "";
      await translating(NO_SESSION, () => clients.unsubscribe(clientId, [filter]));
      return success();
    }, { body: z.object({ topic: z.string(), "client_id": z.string() }) });
}

function addPublish(routes: Routes): void {
  const { messages } = routes.management;
  routes.add("POST", "/mqtt/publish", "mqtt_publish", async ({ call, parameters }) => {
    const topics = topicsOf(parameters);
    if (!topics.every(isValidTopicName)) throw badTopic();
    const qos = parameters.qos();
    const retain = parameters.flag("retain") ?? false;
    const payload = payloadOf(parameters);
    const publisher = {
      clientId: parameters.text("client_id") ?? "",
      username: undefined,
      remoteAddress: call.request.connection.remoteAddress,
      method: "internal",
      // Who administers the broker publishes where it wants.
      isSuperuser: true,
    } as const;
    for (const topic of topics) {
      const { reasonCode } = await messages.publish({
        topic,
        payload: payload.slice(),
        qos,
        retain,
        publisher,
      });
      if (reasonCode >= 0x80) throw new Failure(Code.unknown, `refused with ${reasonCode}`);
    }
    return success();
  }, {
    body: z.object({
      ...Topics,
      payload: z.optional(z.string()),
      retain: z.optional(z.boolean()),
      encoding: z.optional(z.enum(["plain", "base64"])),
    }),
  });
}

/** `topic`, which wins, or `topics`; commas between several. */
function topicsOf(parameters: Parameters): readonly string[] {
  const given = parameters.get("topic") ?? parameters.get("topics");
  if (given === undefined) throw badTopic();
  const texts = Array.isArray(given) ? given : [given];
  if (texts.length === 0) throw badTopic();
  const topics = texts.flatMap((text: unknown) => {
    if (typeof text !== "string") throw wrong("topic", text, "a text");
    return Array.isArray(given) ? [text] : text.split(",");
  });
  if (topics.some((topic) => topic === "")) throw badTopic();
  return topics;
}

function payloadOf(parameters: Parameters): Uint8Array {
  const text = parameters.text("payload") ?? "";
  const encoding = parameters.text("encoding") ?? "plain";
  if (encoding === "plain") return utf8.encode(text);
  if (encoding !== "base64") throw wrong("encoding", encoding, "plain or base64");
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw wrong("payload", text, "base64");
  }
}

/** `$queue/f` is a group of its own name. */
function toSharedFilter(filter: string): string {
  return filter.startsWith("$queue/") ? `$share/$queue/${filter.slice(7)}` : filter;
}

function isFilter(filter: string): boolean {
  return parseTopicFilter(filter).valid;
}

function badTopic(): Failure {
  return new Failure(Code.badTopic, "bad_topic");
}

import * as z from "zod/mini";
import type { SubscribeRequest } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Api, emptyReply, jsonReply } from "../kit/mod.ts";
import { NO_CLIENT, noClient, UNKNOWN, WRONG } from "./clients.ts";
import { subscriptionDto } from "./dto.ts";

const BULK_MAX = 1000;

const Flag = z.literal([0, 1]);
const Topic = z.string().check(z.minLength(1));
const Subscribe = z.object({
  topic: Topic,
  qos: z._default(z.literal([0, 1, 2]), 0),
  nl: z._default(Flag, 0),
  rap: z._default(Flag, 0),
  rh: z._default(z.literal([0, 1, 2]), 0),
}).check(z.refine(({ topic, nl }) => nl === 0 || !topic.startsWith("$share/"), {
  error: "0 with a shared subscription",
  path: ["nl"],
}));
const Unsubscribe = z.object({ topic: Topic });

const SubscribedBody = z.object({
  clientid: z.string(),
  topic: z.string(),
  qos: z.int(),
  nl: z.int(),
  rap: z.int(),
  rh: z.int(),
  node: z.string(),
});

function toRequest({ topic, qos, nl, rap, rh }: z.infer<typeof Subscribe>): SubscribeRequest {
  return {
    filter: topic,
    qos,
    noLocal: nl === 1,
    retainAsPublished: rap === 1,
    retainHandling: rh,
  };
}

/** Subscriptions on behalf of a client, which may be away. */
export function addSubscribe(api: Api, { management }: DialectContext): void {
  const { clients } = management;
  const failures = { 400: WRONG, 401: UNKNOWN, 404: NO_CLIENT };

  api.route({
    method: "POST",
    path: "/clients/:clientid/subscribe",
    operationId: "subscribe",
    summary: "Subscribes for a client",
    body: Subscribe,
    replies: { 200: { description: "What was granted", schema: SubscribedBody }, ...failures },
  }, async (call, { body }) => {
    const [granted] = await clients.subscribe(call.param("clientid"), [toRequest(body)]);
    if (granted === undefined) throw new Error("Cannot answer: nothing was granted");
    return jsonReply(200, subscriptionDto(granted));
  });

  api.route({
    method: "POST",
    path: "/clients/:clientid/unsubscribe",
    operationId: "unsubscribe",
    summary: "Unsubscribes for a client, whether or not there was such a subscription",
    body: Unsubscribe,
    replies: { 204: { description: "Done" }, ...failures },
  }, async (call, { body }) => {
    await clients.unsubscribe(call.param("clientid"), [body.topic]);
    return emptyReply(204);
  });

  api.route({
    method: "POST",
    path: "/clients/:clientid/subscribe/bulk",
    operationId: "subscribeAll",
    summary: "Subscribes for a client with several filters: all or none",
    body: z.array(Subscribe).check(z.maxLength(BULK_MAX)),
    replies: {
      200: { description: "What was granted", schema: z.object({ data: z.array(SubscribedBody) }) },
      ...failures,
    },
  }, async (call, { body }) => {
    const clientId = call.param("clientid");
    if (await clients.get(clientId) === undefined) throw noClient();
    const granted = body.length === 0 ? [] : await clients.subscribe(clientId, body.map(toRequest));
    return jsonReply(200, { data: granted.map(subscriptionDto) });
  });

  api.route({
    method: "POST",
    path: "/clients/:clientid/unsubscribe/bulk",
    operationId: "unsubscribeAll",
    summary: "Unsubscribes for a client from several filters",
    body: z.array(Unsubscribe).check(z.maxLength(BULK_MAX)),
    replies: { 204: { description: "Done" }, ...failures },
  }, async (call, { body }) => {
    const clientId = call.param("clientid");
    if (await clients.get(clientId) === undefined) throw noClient();
    if (body.length > 0) await clients.unsubscribe(clientId, body.map(({ topic }) => topic));
    return emptyReply(204);
  });
}

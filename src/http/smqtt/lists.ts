import * as z from "zod/mini";
import type { SubscriptionView } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Api, jsonArray, jsonReply, streamReply } from "../kit/mod.ts";
import { type ConnectionDto, toConnectionDto, toMemberDto } from "./dto.ts";

const Connection = z.object({
  activeTime: z.int(),
  authTime: z.int(),
  clientIdentifier: z.string(),
  connection: z.object({
    disposed: z.boolean(),
    inboundCancelled: z.boolean(),
    inboundDisposed: z.boolean(),
    persistent: z.boolean(),
    subscriptionDisposed: z.boolean(),
  }),
  keepalive: z.int(),
  sessionPersistent: z.boolean(),
  status: z.literal(["ONLINE", "OFFLINE"]),
  topics: z.array(z.string()),
  username: z.optional(z.string()),
  will: z.optional(z.object({
    mqttQoS: z.literal(["AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"]),
    retain: z.boolean(),
    willMessage: z.string(),
    willTopic: z.string(),
  })),
});

const Member = z.object({ alias: z.string(), host: z.string(), namespace: z.string() });

/** `POST /smqtt/connection`, `/smqtt/cluster`, `/smqtt/subscribe`. A body is not looked at. */
export function addLists(api: Api, context: DialectContext): void {
  const { management } = context;
  const extended = (): { extended: boolean } => context.options.apis.smqtt;

  api.route({
    method: "POST",
    path: "/smqtt/connection",
    operationId: "connections",
    summary: "All clients that are connected or have a session",
    replies: { 200: { description: "The clients", schema: z.array(Connection) } },
  }, () => {
    const clients = management.clients.stream({ includeSubscriptions: true });
    const options = extended();
    const pieces = jsonArray(clients, (view) => toConnectionDto(view, options));
    return streamReply(200, "application/json", pieces);
  });

  api.route({
    method: "POST",
    path: "/smqtt/cluster",
    operationId: "cluster",
    summary: "The members of the cluster; none where the broker is alone",
    replies: { 200: { description: "The members by name", schema: z.array(Member) } },
  }, async () => {
    const nodes = await management.nodes.list();
    if (nodes.length < 2) return jsonReply(200, []);
    const members = nodes.map(toMemberDto);
    return jsonReply(200, members.sort((a, b) => a.alias < b.alias ? -1 : 1));
  });

  api.route({
    method: "POST",
    path: "/smqtt/subscribe",
    operationId: "subscriptions",
    summary: "All topic filters with the clients that have subscribed with them",
    replies: {
      200: { description: "Clients by filter", schema: z.record(z.string(), z.array(Connection)) },
    },
  }, () => {
    const rows = management.subscriptions.stream(
      { includeClients: "with-subscriptions" },
      "filter",
    );
    const options = extended();
    return streamReply(
      200,
      "application/json",
      byFilter(rows, (view) => clientOf(view, options)),
    );
  });
}

function clientOf(
  { client }: SubscriptionView,
  options: { extended: boolean },
): ConnectionDto | undefined {
  return client === undefined ? undefined : toConnectionDto(client, options);
}

/** A JSON object of lists; rows of one filter follow one another. */
async function* byFilter(
  batches: AsyncIterable<readonly SubscriptionView[]>,
  toDto: (row: SubscriptionView) => ConnectionDto | undefined,
): AsyncGenerator<string> {
  let current: string | undefined;
  let text = "{";
  for await (const batch of batches) {
    for (const row of batch) {
      const dto = toDto(row);
      if (dto === undefined) continue;
      if (row.filter === current) text += ",";
      else {
        text += `${current === undefined ? "" : "],"}${JSON.stringify(row.filter)}:[`;
        current = row.filter;
      }
      text += JSON.stringify(dto);
    }
    yield text;
    text = "";
  }
  yield `${text}${current === undefined ? "" : "]"}}`;
}

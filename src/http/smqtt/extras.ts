import * as z from "zod/mini";
import { ManagementError } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Api, jsonReply, METRICS_TYPE, MetricsText, textReply } from "../kit/mod.ts";
import { type ByteRates, toCounterDto, toCpuDto, toEventDto, toRuntimeDto } from "./dto.ts";

/** Clients that one call may close. */
const CLOSE_MAX = 1000;

const CloseBody = z.object({ ids: z.array(z.string()).check(z.maxLength(CLOSE_MAX)) });
const Figures = z.record(z.string(), z.union([z.number(), z.string()]));

/** What the product serves beside what its document says. */
export function addExtras(api: Api, context: DialectContext): void {
  const { management } = context;
  const rates = createByteRates(context);

  api.route({
    method: "GET",
    path: "/smqtt/is/cluster",
    operationId: "isCluster",
    summary: "Whether the broker has company",
    replies: { 200: { description: "true or false", contentType: "text/plain" } },
  }, async () => textReply(200, String((await management.nodes.list()).length > 1)));

  api.route({
    method: "POST",
    path: "/smqtt/close/connection",
    operationId: "closeConnections",
    summary: "Closes the connections of some clients; who is not connected is passed over",
    body: CloseBody,
    replies: {
      200: { description: "They are closed" },
      400: { description: "The request is wrong" },
    },
  }, async (_call, { body }) => {
    for (const clientId of new Set(body.ids)) await kickIfThere(context, clientId);
    return { status: 200, headers: [["content-type", "application/json"]], body: undefined };
  });

  const figures = { 200: { description: "The figures", schema: Figures } };
  api.route({
    method: "GET",
    path: "/smqtt/monitor/counter",
    operationId: "counters",
    summary: "What there is, what has happened, and bytes",
    replies: figures,
  }, async () => {
    const metrics = await management.metrics.read();
    return jsonReply(
      200,
      toCounterDto(metrics, await management.metrics.stats(), rates(metrics.bytes)),
    );
  });

  api.route({
    method: "GET",
    path: "/smqtt/monitor/event",
    operationId: "events",
    summary: "What has happened since the start",
    replies: figures,
  }, async () => jsonReply(200, toEventDto(await management.metrics.read())));

  api.route({
    method: "GET",
    path: "/smqtt/monitor/jvm",
    operationId: "runtime",
    summary: "The program and its memory",
    replies: figures,
  }, async () => jsonReply(200, toRuntimeDto(await localNode(context))));

  api.route({
    method: "GET",
    path: "/smqtt/monitor/cpu",
    operationId: "cpu",
    summary: "The program's use of the processors",
    replies: figures,
  }, async () => {
    return jsonReply(200, toCpuDto(await localNode(context), navigator.hardwareConcurrency));
  });

  api.route({
    method: "GET",
    path: "/smqtt/meter",
    operationId: "meter",
    summary: "The events, as Prometheus reads them",
    replies: { 200: { description: "The figures", contentType: METRICS_TYPE } },
  }, async () => textReply(200, await meterText(context), METRICS_TYPE));
}

async function kickIfThere(context: DialectContext, clientId: string): Promise<void> {
  try {
    await context.management.clients.kick(clientId);
  } catch (error) {
    if (error instanceof ManagementError && error.code === "not-found") return;
    throw error;
  }
}

async function localNode(
  { management: { nodes } }: DialectContext,
): Promise<Parameters<typeof toRuntimeDto>[0]> {
  const node = await nodes.get(nodes.localName);
  if (node === undefined) throw new ManagementError("unavailable", "Cannot tell of this node");
  return node;
}

/** Bytes per second since the last call, which lies at least a second back. */
function createByteRates(
  { clock }: DialectContext,
): (bytes: { readonly received: number; readonly sent: number }) => ByteRates {
  let sinceMs = clock.nowMs();
  let before = { received: 0, sent: 0 };
  let last: ByteRates = { received: 0, sent: 0 };
  return ({ received, sent }) => {
    const seconds = (clock.nowMs() - sinceMs) / 1000;
    if (seconds < 1) return last;
    last = {
      received: (received - before.received) / seconds,
      sent: (sent - before.sent) / seconds,
    };
    sinceMs = clock.nowMs();
    before = { received, sent };
    return last;
  };
}

async function meterText(context: DialectContext): Promise<string> {
  const { metrics: service } = context.management;
  const metrics = await service.read();
  const stats = await service.stats();
  const text = new MetricsText({ application: "smqtt" });
  text.gauge("smqtt_connections", "Clients that are connected", stats.connections.count);
  text.gauge("smqtt_subscriptions", "Pairs of client and filter", stats.subscriptions.count);
  for (const [name, value] of Object.entries(toEventDto(metrics))) {
    const event = name.replace("_size", "");
    text.counter(`smqtt_${event}_events_total`, `Events of the kind ${event}`, value);
  }
  return text.toString();
}

import type { DialectContext } from "../dialect.ts";
import { type Call, jsonArray, type ReplyHeaders } from "../kit/mod.ts";
import { readConfiguration, writeConfiguration } from "./configuration_requests.ts";
import { addSubscription, clientDto, type ClientSubscriptionsDto, statisticsDto } from "./dto.ts";
import type { Envelope } from "./envelope.ts";
import { ResultCode, ResultError } from "./result_code.ts";

/** What a request is answered with, beside its code. */
export interface Answer {
  /** JSON. */
  readonly data?: string | AsyncIterable<string>;
  readonly headers?: ReplyHeaders;
}

export type RequestHandler = (
  context: DialectContext,
  envelope: Envelope,
  call: Call,
) => Promise<Answer>;

/** By `req`. What the product knows and has no handler for is not here. */
export const REQUESTS: ReadonlyMap<number, RequestHandler> = new Map<number, RequestHandler>([
  [2, readStatistics],
  [4, readSubscriptions],
  [5, readClients],
  [10, control],
  [11, readConfiguration],
  [12, writeConfiguration],
]);

async function readStatistics({ management }: DialectContext): Promise<Answer> {
  const [metrics, stats] = await Promise.all([
    management.metrics.read(),
    management.metrics.stats(),
  ]);
  return { data: JSON.stringify(statisticsDto(metrics, stats)) };
}

async function readSubscriptions({ management, options }: DialectContext): Promise<Answer> {
  const byClient = new Map<string, ClientSubscriptionsDto>();
  const query = options.apis.nanomqV1.includeOffline ? {} : { isConnected: true };
  for await (const batch of management.subscriptions.stream(query)) {
    for (const subscription of batch) addSubscription(byClient, subscription);
  }
  const rows = [...byClient.values()];
  // By code unit, not by a language's alphabet: the same everywhere.
  rows.sort((a, b) => a.client_id < b.client_id ? -1 : 1);
  return { data: JSON.stringify(rows) };
}

// deno-lint-ignore require-await -- the first batch is awaited by whoever sends it
async function readClients(
  { management, options }: DialectContext,
): Promise<Answer> {
  const query = options.apis.nanomqV1.includeOffline ? {} : { isConnected: true };
  return { data: jsonArray(management.clients.stream(query), clientDto) };
}

/** Stops or restarts the program, a little after the answer, where the configuration allows it. */
function control(
  { options, requestStop, logger }: DialectContext,
  { members }: Envelope,
  call: Call,
): Promise<Answer> {
  if (!options.apis.nanomqV1.control) throw unknownRequest();
  const data = members?.["data"];
  const place = typeof data === "object" && data !== null ? data : members;
  const action = (place as Readonly<Record<string, unknown>> | undefined)?.["action"];
  if (action === undefined) {
    throw new ResultError(400, ResultCode.parameterMissing, "There is no action");
  }
  if (action !== "stop" && action !== "restart") {
    throw new ResultError(400, ResultCode.parameterWrong, "The action is neither stop nor restart");
  }
  logger.warn("A caller of the NanoMQ API stops the broker", {
    action,
    address: call.request.connection.remoteAddress,
  });
  requestStop(action);
  return Promise.resolve({});
}

export function unknownRequest(): ResultError {
  return new ResultError(404, ResultCode.parameterWrong, "There is no such request");
}

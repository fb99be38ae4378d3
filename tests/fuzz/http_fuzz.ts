/**
 * Bad input for every operation of every HTTP API, made from the OpenAPI documents: no failure inside, no trace of the
 * program in an answer, the broker lives on, and what is refused has changed nothing.
 */
import { assert, assertEquals } from "@std/assert";
import { Prng } from "../../src/base/mod.ts";
import type { OpenApiDocument } from "../../src/http/kit/mod.ts";
import { RawHttpClient, type RawReply } from "../support/raw_http.ts";
import type { RunningBroker } from "../support/start_broker.ts";
import {
  type FuzzOperation,
  type FuzzRequest,
  nextRequest,
  operationsOf,
} from "./http_requests.ts";
import { HTTP_FUZZ_TARGETS, type HttpFuzzTarget } from "./http_targets.ts";

export interface HttpFuzzOptions {
  readonly seed: number;
  readonly broker: RunningBroker;
  /** Ends after so many requests, or … */
  readonly rounds?: number;
  /** … after this time. */
  readonly seconds?: number;
}

export interface HttpFuzzResult {
  requests: number;
  accepted: number;
  refused: number;
  readonly operations: number;
}

/** Figures that only something that has happened changes; connections of the fuzz itself are not among them. */
const STATE =
  /^mqtt_(?:retained_messages|retained_bytes|messages_from_api_total|subscriptions|sessions|rules|session_events_total\{[^}]*\}) .*$/gm;
/** What only our own sources or those of the runtime look like. */
const TRACE = /\n\s+at |\.ts:\d|node:internal|ext:|[A-Z]\w+Error: |\/src\/http\//;

export async function fuzzHttp(options: HttpFuzzOptions): Promise<HttpFuzzResult> {
  const { broker } = options;
  const prng = new Prng(options.seed);
  const calls = await callsOf(broker);
  const result = { requests: 0, accepted: 0, refused: 0, operations: calls.length };
  const endMs = performance.now() + (options.seconds ?? Infinity) * 1000;
  const client = new KeptClient(broker.httpPort);
  while (result.requests < (options.rounds ?? Infinity) && performance.now() < endMs) {
    const { target, operation } = calls[prng.nextInt(calls.length)] as typeof calls[number];
    const request = nextRequest(prng, operation, target.authorization);
    const before = await stateOf(client, target, operation);
    const reply = await client.ask(request);
    checkReply(request, reply);
    result.requests++;
    if (target.isRefused(reply)) {
      result.refused++;
      const now = await stateOf(client, target, operation);
      assertEquals(now, before, `refused, but not without effect: ${request.shown}`);
    } else result.accepted++;
  }
  client.close();
  assertEquals(broker.stderr().match(/^.*(?:Cannot answer a request| error ).*$/gm), null);
  return result;
}

async function callsOf(
  { httpUrl, ready }: RunningBroker,
): Promise<{ readonly target: HttpFuzzTarget; readonly operation: FuzzOperation }[]> {
  const calls = [];
  for (const api of ready.http[0]?.apis ?? []) {
    const target = HTTP_FUZZ_TARGETS.find((one) => one.api === api);
    if (target === undefined) throw new Error(`Cannot fuzz "${api}": no line in http_targets.ts`);
    const document: OpenApiDocument = await (await fetch(`${httpUrl}/openapi/${api}.json`)).json();
    for (const operation of operationsOf(document)) {
      const { operationId } = operation.operation;
      if (target.leftOut?.includes(operationId)) continue;
      calls.push({ target, operation });
    }
  }
  return calls;
}

function checkReply(request: FuzzRequest, { status, headers, body }: RawReply): void {
  const shown = `${request.shown}\n${status} ${body.slice(0, 500)}`;
  assert(status < 500 || status === 503, shown);
  assert(!TRACE.test(body), shown);
  const type = headers["content-type"] ?? "";
  if (type.startsWith("application/json") && body !== "") JSON.parse(body);
}

async function stateOf(
  client: KeptClient,
  { statePaths = [], authorization = "none" }: HttpFuzzTarget,
  { method }: FuzzOperation,
): Promise<string[]> {
  const get = async (path: string): Promise<string> => {
    const head = `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\n\r\n`;
    const bytes = new TextEncoder().encode(head);
    return (await client.ask({ method: "GET", bytes, shown: path })).body;
  };
  const state: string[] = (await get("/metrics")).match(STATE) ?? [];
  if (method !== "GET") { for (const path of statePaths) state.push(await get(path)); }
  return state;
}

/** A connection that is opened again when it has ended. */
class KeptClient {
  readonly #port: number;
  #client: RawHttpClient | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async ask({ method, bytes, shown }: FuzzRequest): Promise<RawReply> {
    const client = this.#client ??= await RawHttpClient.open(this.#port);
    client.send(bytes);
    let reply: RawReply;
    try {
      reply = await client.reply(method === "HEAD");
    } catch (error) {
      throw new Error(`Cannot get a reply to ${shown}: ${String(error)}`, { cause: error });
    }
    if (reply.headers["connection"] === "close" || client.isOver) this.close();
    return reply;
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}

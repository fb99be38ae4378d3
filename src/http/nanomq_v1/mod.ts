import * as z from "zod/mini";
import { ManagementError } from "../../management/mod.ts";
import type { WebReply } from "../../runtime/mod.ts";
import type { Dialect, DialectContext } from "../dialect.ts";
import {
  Api,
  type Call,
  type Method,
  type Refusal,
  type ReplyHeaders,
  RequestRefused,
} from "../kit/mod.ts";
import { Gate } from "./authentication.ts";
import { type Envelope, envelopeOfQuery, readEnvelope } from "./envelope.ts";
import { REQUESTS, unknownRequest } from "./requests.ts";
import { ResultCode, ResultError } from "./result_code.ts";

const PATH = "/api/v1";
const METHODS: readonly Method[] = ["POST", "GET", "PUT"];
const BODY_BYTES_MAX = 128 * 1024;
const JSON_TYPE = ["content-type", "application/json"] as const;

const RequestBody = z.object({
  req: z.literal([...REQUESTS.keys()]),
  seq: z.int().check(z.minimum(0)),
  data: z.optional(z.looseObject({})),
});
const ReplyBody = z.object({
  code: z.int(),
  seq: z.int(),
  rep: z.optional(z.int()),
  data: z.optional(z.any()),
});

/** The HTTP API of NanoMQ in its first version: one path, and requests by number. */
export function createNanomqV1(context: DialectContext): Dialect {
  const gate = new Gate(context);
  const api = new Api<undefined>({
    title: "NanoMQ v1",
    description: "The HTTP API of NanoMQ, version 1.",
    security: ["basic", "bearer"],
    onInternalError: context.onInternalError,
    normalizePath: (path) => path === `${PATH}/` ? PATH : path,
    refuse: (refusal) => ofRefusal(refusal),
  });
  for (const method of METHODS) {
    api.route({
      method,
      path: PATH,
      operationId: `${method.toLowerCase()}Request`,
      summary: "A request by number, in the body; a GET without one may have it in its query",
      documentedQuery: z.object({ req: z.optional(z.string()), seq: z.optional(z.string()) }),
      rawBody: { description: "The request", schema: RequestBody },
      replies: {
        200: { description: "Done", schema: ReplyBody },
        400: { description: "The request is wrong", schema: ReplyBody },
        401: { description: "Not known", schema: ReplyBody },
        404: { description: "No such request", schema: ReplyBody },
        500: { description: "It failed", schema: ReplyBody },
      },
    }, (call) => serve(context, gate, call));
  }
  return {
    name: "nanomq-v1",
    owns: (path) => path === PATH || path.startsWith(`${PATH}/`),
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}

/** Who calls is judged before what is asked; the answer to a stranger still carries the two numbers of the request. */
async function serve(context: DialectContext, gate: Gate, call: Call): Promise<WebReply> {
  let envelope: Envelope = { members: undefined, req: undefined, seq: undefined };
  try {
    envelope = await read(call);
    await gate.check(call);
    const { req, seq } = checked(envelope, context.options.apis.nanomqV1.lenientSeq);
    const handler = REQUESTS.get(req);
    if (handler === undefined) throw unknownRequest();
    const { data, headers = [] } = await handler(context, envelope, call);
    return { status: 200, headers: [JSON_TYPE, ...headers], body: success(req, seq, data) };
  } catch (error) {
    if (error instanceof ResultError) {
      return failure(error.status, error.code, envelope, challengeOf(error, context));
    }
    if (error instanceof RequestRefused) {
      return failure(400, ResultCode.notJson, envelope);
    }
    if (error instanceof ManagementError) return ofManagement(error, envelope);
    context.onInternalError(error, call);
    return failure(500, ResultCode.unknownError, envelope);
  }
}

async function read(call: Call): Promise<Envelope> {
  const body = await call.tryJson(BODY_BYTES_MAX);
  const isQuery = call.request.method === "GET" && (await call.bytes(BODY_BYTES_MAX)).length === 0;
  const query = isQuery ? call.queryRecord() : {};
  return "req" in query || "seq" in query ? envelopeOfQuery(query) : readEnvelope(body);
}

function checked(
  { members, req, seq }: Envelope,
  isLenient: boolean,
): { readonly req: number; readonly seq: string } {
  if (members === undefined) {
    throw new ResultError(400, ResultCode.notJson, "The body is no JSON object");
  }
  const hasSeq = Object.hasOwn(members, "seq");
  if (!Object.hasOwn(members, "req") || (!hasSeq && !isLenient)) {
    throw new ResultError(400, ResultCode.parameterMissing, "There is no req or no seq");
  }
  if (req === undefined || (hasSeq && seq === undefined)) {
    throw new ResultError(400, ResultCode.parameterWrong, "req or seq is no integer from 0");
  }
  return { req, seq: seq ?? "0" };
}

function success(
  req: number,
  seq: string,
  data: string | AsyncIterable<string> | undefined,
): WebReply["body"] {
  const head = `{"code":${ResultCode.ok},"seq":${seq},"rep":${req}`;
  if (data === undefined) return `${head}}`;
  return typeof data === "string" ? `${head},"data":${data}}` : streamed(`${head},"data":`, data);
}

async function* streamed(head: string, data: AsyncIterable<string>): AsyncGenerator<string> {
  yield head;
  yield* data;
  yield "}";
}

function failure(
  status: number,
  code: ResultCode,
  { req, seq }: Envelope,
  headers: ReplyHeaders = [],
): WebReply {
  const rep = req === undefined || req === 0 ? "" : `,"rep":${req}`;
  const body = `{"code":${code},"seq":${seq ?? "0"}${rep}}`;
  return { status, headers: [JSON_TYPE, ...headers], body };
}

function ofManagement(error: ManagementError, envelope: Envelope): WebReply {
  switch (error.code) {
    case "invalid":
    case "conflict":
    case "too-large":
      return failure(400, ResultCode.parameterWrong, envelope);
    case "not-found":
      return failure(404, ResultCode.parameterWrong, envelope);
    case "forbidden":
    case "unavailable":
      return failure(500, ResultCode.unknownError, envelope);
  }
}

/** What hono finds out before a request is looked at. */
function ofRefusal(refusal: Refusal): WebReply {
  const none: Envelope = { members: undefined, req: undefined, seq: undefined };
  return refusal.kind === "internal"
    ? failure(500, ResultCode.unknownError, none)
    : failure(404, ResultCode.parameterWrong, none);
}

function challengeOf({ status }: ResultError, { options }: DialectContext): ReplyHeaders {
  if (status !== 401) return [];
  const isBearer = options.apis.nanomqV1.authType === "jwt";
  return [["www-authenticate", isBearer ? "Bearer" : 'Basic realm="nanomq"']];
}

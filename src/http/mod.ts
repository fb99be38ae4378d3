/**
 * Web servers and the APIs on them. What is exported here is light: the servers are loaded when the first listener
 * opens, hono and each API when the first request comes that may be for it.
 *
 * How to write an API ("dialect"), all of it in a folder of its own:
 *
 * 1. `mod.ts` exports `createX(context: DialectContext): Dialect`; one line in `dialects.ts` makes it known. `owns`
 *    says which paths are its: anything else is 404 before it is asked.
 * 2. `new Api<Caller>({...})` from `../kit/mod.ts` is told once how the product refuses: `refuse(refusal)` turns each
 *    kind of refusal, `ManagementError` among them, into status and body (`errors.ts`), `authenticate(call)` says who
 *    calls or throws `RequestRefused`, `decorate` adds headers to every reply.
 * 3. `api.route({ method, path, summary, query, body, replies }, handler)` for each operation. `query` and `body` are
 *    schemas of `zod/mini` (`import * as z from "zod/mini"`; checks are written `z.string().check(z.minLength(1))`): they
 *    judge the request, and `/openapi/<api>.json` is made from them. Names that no schema knows are left out. The
 *    handler gets `(call, { query, body, caller })`, asks `context.management`, and answers with `jsonReply`,
 *    `textReply`, `emptyReply` or, for a list without end, `streamReply`. Three lines are right; what decides something
 *    belongs into `management/`.
 * 4. `api.seal()` behind the last route: other methods on its paths become "method-not-allowed".
 * 5. Foreign spelling (`ip_address`) only in `dto.ts`, which has the lint exemption for it.
 *
 * Good to know: `call.rawPath` is the path as sent; `call.param("id")` is decoded exactly once; routes are compared with
 * the path as sent, so `%2F` never separates. A body is read for every method, GET included. A route without `body` may
 * read it by `call.bytes()`, `call.json()` or `call.tryJson()`, or leave it. Bodies are JSON whatever their content type,
 * strict UTF-8, at most 32 levels deep, no name twice. Options are read at each request (`context.options.apis.x`), since
 * they change at a reload. `call.request.connection` is the same object for all requests of a connection and knows the
 * client's certificate. `call.listener` says through which listener the request came, and whether that is on loopback.
 * The fuzz of `tests/fuzz/http_fuzz.ts` covers every operation of the document by itself.
 */
import type { HttpServer, HttpServerContext } from "./server.ts";

export {
  API_NAMES,
  type ApiName,
  type ApiOptions,
  type AppOptions,
  type EmqxCloudOptions,
  type EmqxV3Options,
  type HttpListenerOptions,
  type HttpOptions,
  type NanomqStoredOptions,
  type NanomqV1Options,
  type SmqttOptions,
  type TdmqOptions,
} from "./options.ts";
export type { KeptFiles } from "./dialect.ts";
export type { HttpServer, HttpServerContext } from "./server.ts";
export type { WebListenerView } from "./web_listener.ts";

/** Opens every listener of the options, or none: rejects with the reason, which names the address. */
export async function openHttpServer(context: HttpServerContext): Promise<HttpServer> {
  const { HttpServer } = await import("./server.ts");
  return await HttpServer.open(context);
}

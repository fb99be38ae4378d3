/** The REST API of EMQX 3 from outside, with the login of the first start. */
import type { RunningBroker } from "./start_broker.ts";

// deno-lint-ignore no-explicit-any -- whatever JSON there is
export type Json = any;

/** The answer, or status and text where it is no JSON. `path`: behind `/api/v3`. */
export async function askV3(
  { httpUrl }: Pick<RunningBroker, "httpUrl">,
  method: string,
  path: string,
  body?: unknown,
): Promise<Json> {
  const reply = await fetch(`${httpUrl}/api/v3${path}`, {
    method,
    headers: { authorization: `Basic ${btoa("admin:public")}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await reply.text();
  const isJson = reply.headers.get("content-type") === "application/json";
  return isJson && reply.status === 200 ? JSON.parse(text) : [reply.status, text];
}

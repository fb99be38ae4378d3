import type { RawReply } from "../support/raw_http.ts";

/** An API under fuzz; its operations come from its OpenAPI document. */
export interface HttpFuzzTarget {
  readonly api: string;
  /** An `Authorization` header that is good; undefined: nobody asks for one. */
  readonly authorization: string | undefined;
  /** Whether the caller was told that nothing has happened. */
  isRefused(reply: RawReply): boolean;
  /** What else its writing operations can change, beside what `/metrics` tells: read before and after. */
  readonly statePaths?: readonly string[];
  /** Operations that end or change what the fuzz itself needs; they have tests of their own. */
  readonly leftOut?: readonly string[];
}

const byStatus = ({ status }: RawReply): boolean => status >= 400;

/** A product that says so in the body, with status 200. */
function byCode(reply: RawReply): boolean {
  if (byStatus(reply)) return true;
  try {
    const { code } = JSON.parse(reply.body) as { code?: unknown };
    return code !== undefined && code !== 0;
  } catch {
    return false;
  }
}

const ADMIN = `Basic ${btoa("admin:public")}`;

/** Add a line for an API, and all its operations are fuzzed. */
export const HTTP_FUZZ_TARGETS: readonly HttpFuzzTarget[] = [
  { api: "health", authorization: undefined, isRefused: byStatus },
  { api: "metrics", authorization: undefined, isRefused: byStatus },
  { api: "smqtt", authorization: undefined, isRefused: byStatus },
  { api: "tdmq", authorization: undefined, isRefused: byStatus },
  {
    api: "nanomq-v1",
    authorization: ADMIN,
    isRefused: byCode,
    statePaths: ["/api/v1?req=11&seq=1"],
  },
  { api: "emqx-cloud", authorization: ADMIN, isRefused: byStatus },
  {
    api: "emqx-v3",
    authorization: ADMIN,
    isRefused: byCode,
    statePaths: ["banned", "apps", "users", "auth_username", "auth_clientid", "resources"]
      .map((name) => `/api/v3/${name}`),
  },
];

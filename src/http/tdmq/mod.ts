import { TokenBucket } from "../../base/mod.ts";
import type { Identity } from "../../ports/mod.ts";
import type { Dialect, DialectContext } from "../dialect.ts";
import type { ListenerTerms } from "../env.ts";
import { Api, type Call, RequestRefused } from "../kit/mod.ts";
import { Callers } from "./caller.ts";
import { refuse } from "./errors.ts";
import { addPublish, ROUTE_PATH } from "./publish.ts";
import type { ApiName } from "../options.ts";
import { encodedTopicOf, isTopicPath } from "./topic_path.ts";

const RETRY_AFTER_S = 1;

/** TDMQ for MQTT: publishing by HTTP POST. */
export function createTdmq(context: DialectContext): Dialect {
  const callers = new Callers(context);
  const quota = new Quota(context);
  const api = new Api<Identity>({
    title: "TDMQ publish",
    description: "Publishing by HTTP POST as TDMQ for MQTT has it.",
    security: ["basic", "certificate"],
    onInternalError: context.onInternalError,
    // A topic is not a path: no part of it is routed.
    normalizePath: () => ROUTE_PATH,
    authenticate: async (call) => {
      checkPath(call, context);
      const identity = await callers.identify(call);
      if (!quota.takes()) {
        throw new RequestRefused({ kind: "rate-limited", retryAfterS: RETRY_AFTER_S });
      }
      return identity;
    },
    refuse,
  });
  addPublish(api, context);
  return {
    name: "tdmq",
    owns: (path, listener) => isTopicPath(path) || (isAlone(listener) && !isDocument(path)),
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}

const COMPANIONS: readonly ApiName[] = ["tdmq", "health", "metrics"];

/** On a listener of its own this API answers for every path. */
function isAlone({ apis }: ListenerTerms): boolean {
  return apis.every((name) => COMPANIONS.includes(name));
}

function isDocument(path: string): boolean {
  return path.startsWith("/openapi/");
}

function checkPath(call: Call, context: DialectContext): void {
  if (encodedTopicOf(call.rawPath, context.options.apis.tdmq.strictPath) !== undefined) return;
  const problem = {
    field: "path",
    detail: `found ${
      JSON.stringify(call.rawPath.slice(0, 100))
    }, allowed /topics/ and a topic name`,
    isMissing: false,
  };
  throw new RequestRefused({ kind: "invalid", where: "path", problems: [problem] });
}

/** Messages a second over all callers; a reload may change them. */
class Quota {
  readonly #context: DialectContext;
  #rate = 0;
  #burst = 0;
  #bucket: TokenBucket | undefined;

  constructor(context: DialectContext) {
    this.#context = context;
  }

  takes(): boolean {
    const { options, clock } = this.#context;
    const { rate, burst } = options.apis.tdmq;
    const nowMs = clock.monotonicMs();
    if (rate !== this.#rate || burst !== this.#burst) {
      this.#rate = rate;
      this.#burst = burst;
      this.#bucket = rate === 0 ? undefined : new TokenBucket(rate, nowMs, burst || rate);
    }
    return this.#bucket?.tryTake(nowMs) ?? true;
  }
}

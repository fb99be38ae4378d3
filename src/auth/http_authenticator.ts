import { ReasonCode } from "../mqtt/mod.ts";
import type {
  AuthenticationResult,
  Authenticator,
  Credentials,
  Denied,
  Identity,
} from "../ports/mod.ts";
import { type BoundedWork, NotDone, workFor } from "./bounded_work.ts";
import { readIdentityRules } from "./identity_claims.ts";
import type { HttpAuthOptions } from "./options.ts";
import { fillTemplate, type PlaceholderValues, placeholderValues } from "./placeholders.ts";

export interface HttpAuthCounters {
  asked: number;
  allowed: number;
  denied: number;
  /** Timeouts, broken connections, answers that make no sense. */
  failed: number;
}

export interface HttpAuthParts {
  readonly options: HttpAuthOptions;
  readonly work: BoundedWork;
  readonly counters: HttpAuthCounters;
  /** For tests; the runtime's own. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Of an answer that is read. */
const BODY_BYTES_MAX = 64 * 1024;
const FOREIGN_CHARACTERS = /[^\u0020-\u007e]/;

/**
 * Asks a web service. 200 and 204 let the client in, 4xx refuses it; what everything else means is configured:
 * redirects too, for no question goes anywhere but to the configured address.
 *
 * A client without a user name is not asked about where the question contains it: an empty name is no name, and whether
 * somebody may stay anonymous is for the listener to say. JSON in an answer of 200 may refuse (`"result": "deny"`),
 * know nothing (`"ignore"`), make a superuser (`"is_superuser": true`) or bring access rules (`"acl"`).
 */
export class HttpAuthenticator implements Authenticator {
  readonly #parts: HttpAuthParts;

  constructor(parts: HttpAuthParts) {
    this.#parts = parts;
  }

  authenticate(credentials: Credentials): AuthenticationResult | Promise<AuthenticationResult> {
    const request = requestFor(this.#parts.options, placeholderValues(credentials));
    if (request === undefined) return "ignore";
    return this.#ask(request, credentials);
  }

  async #ask(request: Request, credentials: Credentials): Promise<AuthenticationResult> {
    const { work } = this.#parts;
    const answer = await work.run(
      () => this.#exchange(request, credentials),
      workFor(credentials),
    );
    if (!(answer instanceof NotDone)) return answer;
    return denied(ReasonCode.serverBusy, "too many questions wait for the service");
  }

  async #exchange(request: Request, credentials: Credentials): Promise<AuthenticationResult> {
    const { options, counters, fetch = globalThis.fetch } = this.#parts;
    counters.asked++;
    try {
      const response = await fetch(request, {
        redirect: "manual",
        signal: AbortSignal.timeout(options.timeoutMs),
      });
      return await this.#judge(response, credentials);
    } catch (error) {
      return this.#failed(failureText(error, options.timeoutMs));
    }
  }

  async #judge(response: Response, credentials: Credentials): Promise<AuthenticationResult> {
    const { counters } = this.#parts;
    const { status } = response;
    if (status === 200) {
      const isJson = /\bjson\b/i.test(response.headers.get("content-type") ?? "");
      const text = isJson ? await readText(response) : undefined;
      if (!isJson) await response.body?.cancel();
      return this.#judgeBody(text, credentials);
    }
    await response.body?.cancel();
    if (status === 204) return this.#allowed(credentials, {});
    if (status >= 400 && status < 500) {
      counters.denied++;
      return denied(ReasonCode.badUserNameOrPassword, `the service answered ${status}`);
    }
    return this.#failed(`the service answered ${status}`);
  }

  #judgeBody(text: string | undefined, credentials: Credentials): AuthenticationResult {
    const { counters } = this.#parts;
    const answer = text === undefined || text.trim() === "" ? {} : parseObject(text);
    if (answer === undefined) return this.#failed("the service's JSON is no object");
    const { result = "allow", is_superuser: isSuperuser = false, acl } = answer;
    if (result === "ignore") return "ignore";
    if (result === "deny") {
      counters.denied++;
      return denied(ReasonCode.badUserNameOrPassword, "the service says no");
    }
    const aclRules = acl === undefined ? undefined : readIdentityRules(acl);
    const isSound = result === "allow" && typeof isSuperuser === "boolean" &&
      (acl === undefined) === (aclRules === undefined);
    if (!isSound) return this.#failed("the service's JSON makes no sense");
    return this.#allowed(credentials, {
      ...(isSuperuser ? { isSuperuser } : {}),
      ...(aclRules === undefined ? {} : { aclRules }),
    });
  }

  #allowed(
    { clientId, username, remoteAddress }: Credentials,
    extra: Pick<Identity, "isSuperuser" | "aclRules">,
  ): Identity {
    this.#parts.counters.allowed++;
    return { clientId, username, remoteAddress, method: "http", ...extra };
  }

  #failed(reason: string): AuthenticationResult {
    const { options, counters } = this.#parts;
    counters.failed++;
    if (options.onError === "ignore") return "ignore";
    return denied(ReasonCode.serverUnavailable, reason);
  }
}

/** Undefined: something that is asked for is not there. */
function requestFor(options: HttpAuthOptions, values: PlaceholderValues): Request | undefined {
  const fields: [name: string, value: string][] = [];
  for (const [name, template] of options.fields) {
    const value = fillTemplate(template, values) ?? withoutPassword(template, values);
    if (value === undefined) return undefined;
    fields.push([name, value]);
  }
  const headers = new Headers();
  for (const [name, template] of options.headers) {
    const value = fillTemplate(template, values) ?? withoutPassword(template, values);
    // A header cannot hold every name that a client may have; such a one is nobody's.
    if (value === undefined || FOREIGN_CHARACTERS.test(value)) return undefined;
    headers.set(name, value);
  }
  const query = new URLSearchParams(fields);
  if (options.method === "GET") {
    const url = new URL(options.url);
    for (const [name, value] of query) url.searchParams.append(name, value);
    return new Request(url, { headers });
  }
  const isForm = options.body === "form";
  headers.set("content-type", isForm ? "application/x-www-form-urlencoded" : "application/json");
  const body = isForm ? query.toString() : JSON.stringify(Object.fromEntries(fields));
  return new Request(options.url, { method: "POST", headers, body });
}

/** A client without a password is asked about with an empty one. */
function withoutPassword(template: string, values: PlaceholderValues): string | undefined {
  return values.password === undefined
    ? fillTemplate(template, { ...values, password: "" })
    : undefined;
}

class AnswerTooLong extends Error {}

/** In words of our own: those of the runtimes quote the whole address, with the password in its query. */
function failureText(error: unknown, timeoutMs: number): string {
  if (error instanceof AnswerTooLong) return `the answer has more than ${BODY_BYTES_MAX} bytes`;
  if (!(error instanceof Error)) return "the service cannot be reached";
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  const { code } = (error.cause ?? error) as { readonly code?: unknown };
  return typeof code === "string"
    ? `the service cannot be reached (${code})`
    : "the service cannot be reached";
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) {
      throw new AnswerTooLong();
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}

function denied(code: ReasonCode, reason: string): Denied {
  return { denied: code, stage: "http", reason };
}

import type { WebRequest } from "../../runtime/mod.ts";
import type { ListenerTerms } from "../env.ts";
import { queryOf } from "../raw_request.ts";
import { type Authorization, parseAuthorization } from "./basic_auth.ts";
import { type JsonResult, parseJson } from "./json_body.ts";
import { decodePercent, parseQuery, queryRecord } from "./percent.ts";
import { RequestRefused } from "./refusal.ts";

/** One request on its way through an API. What cannot be read throws `RequestRefused`. */
export class Call {
  readonly request: WebRequest;
  readonly listener: ListenerTerms;
  /** The path as sent, without the query. */
  readonly rawPath: string;
  readonly #rawParams: Readonly<Record<string, string>>;
  #body: Promise<Uint8Array | undefined> | undefined;

  constructor(
    request: WebRequest,
    listener: ListenerTerms,
    rawPath: string,
    rawParams: Readonly<Record<string, string>>,
  ) {
    this.request = request;
    this.listener = listener;
    this.rawPath = rawPath;
    this.#rawParams = rawParams;
  }

  header(name: string): string | undefined {
    return this.request.header(name);
  }

  get authorization(): Authorization {
    return parseAuthorization(this.header("authorization"));
  }

  /** A variable of the path, decoded once: `/clients/a%2Fb` for `/clients/:id` gives "a/b". */
  param(name: string): string {
    const decoded = decodePercent(this.#rawParams[name] ?? "");
    if (decoded === undefined) throw new RequestRefused({ kind: "bad-encoding", where: "path" });
    return decoded;
  }

  /** Throws where a variable of the path cannot be decoded, before anybody has done anything. */
  checkParams(): void {
    for (const name of Object.keys(this.#rawParams)) this.param(name);
  }

  /** All pairs of the query in their order, decoded once. */
  queryPairs(): ReadonlyArray<readonly [name: string, value: string]> {
    const pairs = parseQuery(queryOf(this.request.target));
    if (pairs === undefined) throw new RequestRefused({ kind: "bad-encoding", where: "query" });
    return pairs;
  }

  /** The query by name; of a name that is given twice, the first value counts. */
  queryRecord(): Record<string, string> {
    return queryRecord(this.queryPairs());
  }

  /** The body, up to the listener's `max_body` or less; read once, however often it is asked for. */
  async bytes(maxBytes: number = this.listener.maxBodyBytes): Promise<Uint8Array> {
    const limit = Math.min(maxBytes, this.listener.maxBodyBytes);
    const bytes = await (this.#body ??= this.request.readBody(limit));
    if (bytes === undefined) {
      throw new RequestRefused({ kind: "body-too-large", maxBytes: limit });
    }
    return bytes;
  }

  /** The body as JSON, whatever its content type; for those who must look at it before it is judged. */
  async tryJson(maxBytes?: number): Promise<JsonResult> {
    return parseJson(await this.bytes(maxBytes));
  }

  async json(maxBytes?: number): Promise<unknown> {
    const result = await this.tryJson(maxBytes);
    if (!result.ok) throw new RequestRefused({ kind: "not-json", message: result.problem });
    return result.value;
  }
}

import type { MaybePromise } from "../base/mod.ts";
import type { CreateDialect, Dialect, DialectContext } from "./dialect.ts";
import type { ListenerTerms } from "./env.ts";
import type { ApiName } from "./options.ts";

/**
 * Every API that there is, loaded when a request may be for it. Asked in this order whose a path is, so one whose paths
 * have a prefix of their own stands before one that is at the root.
 */
const DIALECTS: ReadonlyArray<readonly [name: ApiName, load: () => Promise<CreateDialect>]> = [
  ["health", async () => (await import("./health/mod.ts")).createHealth],
  ["tdmq", async () => (await import("./tdmq/mod.ts")).createTdmq],
  ["metrics", async () => (await import("./metrics/mod.ts")).createMetrics],
  ["emqx-v3", async () => (await import("./emqx_v3/mod.ts")).createEmqxV3],
  ["nanomq-v1", async () => (await import("./nanomq_v1/mod.ts")).createNanomqV1],
  ["smqtt", async () => (await import("./smqtt/mod.ts")).createSmqtt],
  ["emqx-cloud", async () => (await import("./emqx_cloud/mod.ts")).createEmqxCloud],
];

/** An API that is loaded when it is asked for the first time. */
interface LazyDialect {
  readonly name: ApiName;
  readonly load: () => Promise<CreateDialect>;
  dialect: Dialect | undefined;
  /** Whoever asks meanwhile waits for the same. */
  loading: Promise<Dialect> | undefined;
}

/** The APIs, shared by all listeners. A start does not wait for them, and one that nobody asks costs no memory. */
export class Dialects {
  readonly #context: DialectContext;
  readonly #all: readonly LazyDialect[] = DIALECTS.map(([name, load]) => ({
    name,
    load,
    dialect: undefined,
    loading: undefined,
  }));

  constructor(context: DialectContext) {
    this.#context = context;
  }

  /** Those of `wanted` that this version has, in the order of `wanted`. */
  static known(wanted: readonly ApiName[]): readonly ApiName[] {
    return wanted.filter((name) => DIALECTS.some(([known]) => known === name));
  }

  /** Of the listener's APIs the one whose the path is; undefined: none of them. Rejects where one cannot be loaded. */
  find(path: string, listener: ListenerTerms): MaybePromise<Dialect | undefined> {
    for (const each of this.#all) {
      if (!listener.apis.includes(each.name)) continue;
      if (each.dialect === undefined) return this.#loadAndFind(each, path, listener);
      if (each.dialect.owns(path, listener)) return each.dialect;
    }
    return undefined;
  }

  /** The API of that name, where the listener has it. */
  async get(name: string | undefined, listener: ListenerTerms): Promise<Dialect | undefined> {
    const found = this.#all.find((each) => each.name === name);
    if (found === undefined || !listener.apis.includes(found.name)) return undefined;
    return await this.#load(found);
  }

  async #loadAndFind(
    lazy: LazyDialect,
    path: string,
    listener: ListenerTerms,
  ): Promise<Dialect | undefined> {
    await this.#load(lazy);
    return await this.find(path, listener);
  }

  async #load(lazy: LazyDialect): Promise<Dialect> {
    lazy.loading ??= lazy.load().then((create) => create(this.#context));
    try {
      return lazy.dialect = await lazy.loading;
    } catch (error) {
      // The next request is a new try.
      lazy.loading = undefined;
      throw error;
    }
  }
}

// deno-lint-ignore-file camelcase -- the spelling of the product
import type { Prng } from "../../base/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import {
  FileSink,
  type HostRules,
  type HttpItem,
  HttpSink,
  type LineItem,
  pathBelow,
  type RowItem,
  type Sink,
  SinkBudget,
  SinkBuffer,
  type SinkBufferOptions,
  type SinkCounters,
  SinkError,
  type SinkItem,
  SqliteSink,
  type SqliteThread,
  TableRows,
} from "../../sinks/mod.ts";
import type { ResourceData } from "../actions/sink_actions.ts";
import type { Settle } from "../actions/action.ts";
import type { JsonObject } from "../rule.ts";
import {
  checkWholeNumbers,
  headersOf,
  invalid,
  isAbsolutePath,
  tableOptions,
  wrongPath,
} from "./resource_config.ts";
import { withPatience } from "./patience.ts";
import type { ResourceType } from "./resource_types.ts";

/** What connections are made of. */
export interface ConnectionSurroundings {
  readonly runtime: Pick<Runtime, "createHttpClient" | "every" | "yieldTurn">;
  readonly prng: Prng;
  /** Where requests may go, as it is now. */
  readonly hosts: () => HostRules;
  /** Where files of resources are; undefined: there must be none. */
  readonly filesFolder: () => string | undefined;
  readonly sqlite: SqliteThread;
}

/** What a resource is while it is there: the way to its place, and what waits for that. */
export interface Connection {
  readonly counters: Readonly<SinkCounters>;
  offer(data: ResourceData, settle: Settle): boolean;
  /** There is no room for anything; what was not made for that is to be counted as dropped. */
  readonly isFull: boolean;
  countDropped(): void;
  /** Rejects with a `SinkError`, after some seconds at the latest; so do the other two. */
  check(): Promise<void>;
  /** Takes the way to its place anew; what waits goes on waiting. Rejects with a `SinkError`. */
  renew(): Promise<void>;
  close(flushMs: number): Promise<void>;
}

export interface ConnectionRequest {
  readonly type: ResourceType;
  /** Has passed the specifications of the type. */
  readonly config: JsonObject;
  /** An operator's own configuration may name any file. */
  readonly isTrusted: boolean;
  readonly onOutcome: (failure: SinkError | undefined) => void;
}

const QUEUE_MAX = 10_000;
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 5000;
const POOL_SIZE = 8;

/** A little more than what a sink itself waits for. */
const PATIENCE: Readonly<Record<Exclude<ResourceType, "built_in">, number>> = {
  web_hook: REQUEST_TIMEOUT_MS + 1000,
  file: 30_000,
  sqlite: 30_000,
};

/** Throws a `RuleError` where there cannot be such a resource; opens nothing. */
export function createConnection(
  request: ConnectionRequest,
  surroundings: ConnectionSurroundings,
): Connection {
  const { type, config } = request;
  if (type !== "built_in") checkWholeNumbers(config);
  switch (type) {
    case "built_in":
      return new NoConnection();
    case "web_hook":
      return webHook(request, surroundings);
    case "file": {
      const options = {
        path: pathOf(request, surroundings),
        bytesMax: Number(config["max_size"]),
        filesMax: Number(config["max_files"]),
        isSynced: config["sync"] === true,
      };
      return new BufferedConnection<LineItem>(request, surroundings, {
        sink: new FileSink(options),
        encode: (data, onSettled) => {
          const line = bytesOf(data);
          return { line, bytes: line.length, onSettled };
        },
      });
    }
    case "sqlite":
      return table(request, surroundings);
  }
}

function webHook(request: ConnectionRequest, surroundings: ConnectionSurroundings): Connection {
  const { config } = request;
  const { ca } = config;
  const options = {
    url: String(config["url"]),
    method: config["method"] === "PUT" ? "PUT" : "POST",
    headers: headersOf(config["headers"]),
    timeoutMs: REQUEST_TIMEOUT_MS,
    connectionsMax: poolSizeOf(config),
    ca: typeof ca === "string" ? ca : undefined,
    isVerified: config["verify"] !== false,
    needsSuccess: false,
  } as const;
  const { runtime, hosts } = surroundings;
  return new BufferedConnection<HttpItem>(request, surroundings, {
    sink: new HttpSink({ options, hosts, runtime }),
    encode: (data, onSettled) => {
      const body = bytesOf(data);
      return { body, bytes: body.length, onSettled };
    },
  });
}

function table(request: ConnectionRequest, surroundings: ConnectionSurroundings): Connection {
  const { config } = request;
  const options = tableOptions(config);
  const path = pathOf(request, surroundings);
  const rows = new TableRows(options);
  const sink = new SqliteSink({ path, isSynced: config["sync"] === true }, surroundings.sqlite);
  return new BufferedConnection<RowItem>(request, surroundings, {
    sink,
    encode: (data, onSettled) => data.kind === "row" ? rows.row(data.row, onSettled) : undefined,
  });
}

interface Ends<Item extends SinkItem> {
  readonly sink: Sink<Item>;
  /** Undefined: the sink does not take such data. */
  readonly encode: (data: ResourceData, onSettled: Settle) => Item | undefined;
}

/** A sink with its buffer. */
class BufferedConnection<Item extends SinkItem> implements Connection {
  readonly #ends: Ends<Item>;
  readonly #runtime: ConnectionSurroundings["runtime"];
  readonly #buffer: SinkBuffer<Item>;

  constructor(
    request: ConnectionRequest,
    { runtime, prng }: ConnectionSurroundings,
    ends: Ends<Item>,
  ) {
    this.#ends = ends;
    this.#runtime = runtime;
    this.#buffer = new SinkBuffer({
      sink: ends.sink,
      options: bufferOptions(request),
      budget: new SinkBudget(Number(request.config["queue_max"] ?? QUEUE_MAX), QUEUED_BYTES_MAX),
      runtime,
      prng,
      onOutcome: request.onOutcome,
    });
  }

  get counters(): Readonly<SinkCounters> {
    return this.#buffer.counters;
  }

  offer(data: ResourceData, settle: Settle): boolean {
    const item = this.#ends.encode(data, settle);
    return item !== undefined && this.#buffer.offer(item);
  }

  get isFull(): boolean {
    return this.#buffer.isFull;
  }

  countDropped(): void {
    this.#buffer.countDropped();
  }

  async check(): Promise<void> {
    await withPatience(this.#runtime, "Cannot check the resource", this.#ends.sink.check());
    this.#buffer.tryNow();
  }

  async renew(): Promise<void> {
    await withPatience(this.#runtime, "Cannot renew the resource", this.#ends.sink.renew());
  }

  async close(flushMs: number): Promise<void> {
    await this.#buffer.close(flushMs);
    await withPatience(this.#runtime, "Cannot close the resource", this.#ends.sink.close());
  }
}

const NOTHING: Readonly<SinkCounters> = Object.freeze({
  offered: 0,
  delivered: 0,
  failed: 0,
  dropped: 0,
  retried: 0,
  queued: 0,
  queuedBytes: 0,
});

/** A resource for looking at: it leads nowhere. */
class NoConnection implements Connection {
  readonly counters = NOTHING;
  /** It counts nothing, and so nothing is saved. */
  readonly isFull = false;

  offer(): boolean {
    return false;
  }

  countDropped(): void {}

  check(): Promise<void> {
    return Promise.resolve();
  }

  renew(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function bufferOptions({ type, config }: ConnectionRequest): SinkBufferOptions {
  const isWeb = type === "web_hook";
  return {
    whenFull: config["when_full"] === "drop_oldest" ? "drop-oldest" : "drop-newest",
    // Of files and tables everything has its order.
    parallelMax: isWeb ? poolSizeOf(config) : 1,
    timeoutMs: type === "built_in" ? REQUEST_TIMEOUT_MS : PATIENCE[type],
    retriesMax: 3,
    retryDelayMs: 200,
    retryDelayMaxMs: 5000,
  };
}

function poolSizeOf(config: JsonObject): number {
  return Number(config["pool_size"] ?? POOL_SIZE);
}

const encoder = new TextEncoder();

function bytesOf(data: ResourceData): Uint8Array {
  return data.kind === "bytes" ? data.bytes : encoder.encode(JSON.stringify(data.row));
}

function pathOf(
  { config, isTrusted }: ConnectionRequest,
  { filesFolder }: ConnectionSurroundings,
): string {
  const path = String(config["path"]);
  if (isTrusted && isAbsolutePath(path)) return path;
  const folder = filesFolder();
  if (folder === undefined) {
    throw invalid("wrong_path path", "there is no folder for files of resources, see [sinks]");
  }
  const found = pathBelow(folder, path);
  if (found === undefined) throw wrongPath(path);
  return found;
}

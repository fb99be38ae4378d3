import type { Clock } from "../base/mod.ts";
import type { Inspector } from "../broker/mod.ts";
import type { Store } from "../ports/mod.ts";
import type { ProcessFigures } from "../runtime/mod.ts";
import type { LocalListeners } from "./listeners.ts";
import type { NodesService } from "./service.ts";
import type { HealthView, NodeView } from "./views.ts";

/** What is told of the process and whom it runs on. */
export interface ProcessInfo {
  readonly name: "deno" | "bun";
  readonly version: string;
  readonly pid: number;
  figures(): ProcessFigures;
}

export interface NodesParts {
  readonly inspector: Inspector;
  readonly listeners: LocalListeners;
  readonly store: Store;
  readonly clock: Clock;
  readonly process: ProcessInfo;
  /** Of the program. */
  readonly version: string;
  /** Whether the program takes clients: not while it starts or stops. */
  readonly isServing: () => boolean;
}

/** This node; there is no other while there is no cluster. */
export class LocalNodes implements NodesService {
  readonly #parts: NodesParts;
  readonly #startedAtMs: number;
  readonly #startedMonotonicMs: number;

  constructor(parts: NodesParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.nowMs();
    this.#startedMonotonicMs = parts.clock.monotonicMs();
  }

  get localName(): string {
    return this.#parts.inspector.node;
  }

  list(): Promise<readonly NodeView[]> {
    return Promise.resolve([this.#view()]);
  }

  get(name: string): Promise<NodeView | undefined> {
    return Promise.resolve(name === this.localName ? this.#view() : undefined);
  }

  health(): Promise<HealthView> {
    const { store, listeners, isServing } = this.#parts;
    const problems: string[] = [];
    if (!isServing()) problems.push("The broker is starting or stopping");
    else if (listeners.count === 0) problems.push("No listener is open");
    if (store.failure !== undefined) {
      problems.push(`The store cannot be written: ${store.failure.error}`);
    }
    return Promise.resolve({ isAlive: true, isReady: problems.length === 0, problems });
  }

  #view(): NodeView {
    const { inspector, listeners, clock, process, version, isServing } = this.#parts;
    const { gauges } = inspector;
    const figures = process.figures();
    const connections = gauges.connections.count;
    const away = gauges.sessions.count - connections;
    return {
      name: this.localName,
      status: isServing() ? "running" : "stopping",
      isLocal: true,
      version,
      runtimeName: process.name,
      runtimeVersion: process.version,
      pid: process.pid,
      startedAtMs: this.#startedAtMs,
      uptimeMs: clock.monotonicMs() - this.#startedMonotonicMs,
      nowMs: clock.nowMs(),
      ...figures,
      connections,
      connectionsMax: listeners.connectionsMax,
      tasks: inspector.openConnections + away + inspector.timers,
    };
  }
}

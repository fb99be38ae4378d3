import { createSinkCounters, type SinkError } from "../../sinks/mod.ts";
import type { Settle } from "../actions/action.ts";
import type { ResourceData, RuleResource } from "../actions/sink_actions.ts";
import { checkParams } from "../params/check_params.ts";
import type { JsonObject } from "../rule.ts";
import { type Connection, type ConnectionSurroundings, createConnection } from "./connection.ts";
import type { ResourceView } from "./resource.ts";
import type { KeptResource } from "./resource_record.ts";
import { resourceSpecs, type ResourceType } from "./resource_types.ts";

export interface LiveResourceParts {
  readonly id: string;
  readonly kept: KeptResource;
  readonly isReadOnly: boolean;
  readonly surroundings: ConnectionSurroundings;
  /** Told when it turns out that it can be reached, or why it cannot; only when that is news. */
  readonly onHealth: (id: string, failure: string | undefined) => void;
}

const NO_COUNTERS = Object.freeze(createSinkCounters());

/** A resource with the way to its place. */
export class LiveResource implements RuleResource {
  readonly id: string;
  readonly kept: KeptResource;
  readonly isReadOnly: boolean;
  /** As it was asked for. */
  readonly config: JsonObject;
  readonly #parts: LiveResourceParts;
  #connection: Connection | undefined;
  #problem: string | undefined;
  /** As far as anybody has tried. */
  #failure: string | undefined;

  private constructor(parts: LiveResourceParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.kept = parts.kept;
    this.isReadOnly = parts.isReadOnly;
    this.config = parts.kept.config;
  }

  /** Throws a `RuleError` where there cannot be such a resource. */
  static open(parts: LiveResourceParts): LiveResource {
    const resource = new LiveResource(parts);
    resource.#open();
    return resource;
  }

  /** One of an earlier run: where it cannot be used any more it is there all the same, and says why. */
  static reopen(parts: LiveResourceParts): LiveResource {
    const resource = new LiveResource(parts);
    try {
      resource.#open();
    } catch (error) {
      resource.#problem = error instanceof Error ? error.message : String(error);
    }
    return resource;
  }

  get type(): ResourceType {
    return this.kept.type;
  }

  get view(): ResourceView {
    const { name, type, description, createdAtMs } = this.kept;
    return {
      id: this.id,
      name,
      type,
      config: this.config,
      description,
      isReadOnly: this.isReadOnly,
      problem: this.#problem,
      createdAtMs,
      counters: { ...this.#connection?.counters ?? NO_COUNTERS },
    };
  }

  offer(data: ResourceData, settle: Settle): boolean {
    return this.#connection?.offer(data, settle) ?? false;
  }

  get isFull(): boolean {
    return this.#connection?.isFull ?? false;
  }

  countDropped(): void {
    this.#connection?.countDropped();
  }

  /** Whether it can be reached now. */
  async isAlive(): Promise<boolean> {
    const connection = this.#connection;
    if (connection === undefined) return false;
    try {
      await connection.check();
    } catch (error) {
      // Another one may have taken its place meanwhile, which is not to blame.
      if (connection === this.#connection) this.#note(error instanceof Error ? error.message : "");
      return false;
    }
    if (connection === this.#connection) this.#note(undefined);
    return true;
  }

  /** Begins anew, with what waits; rejects with a `RuleError` or a `SinkError` where that cannot be. */
  async restart(): Promise<void> {
    if (this.#connection === undefined) {
      this.#open();
      this.#problem = undefined;
    } else await this.#connection.renew();
  }

  async close(flushMs: number): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    // There is nothing to wait for where nothing can be reached.
    await connection?.close(this.#failure === undefined ? flushMs : 0);
  }

  #open(): void {
    const { kept: { type, config }, isReadOnly, surroundings } = this.#parts;
    const checked = checkParams(resourceSpecs(type), config, `resource type "${type}"`);
    this.#connection = createConnection({
      type,
      config: checked,
      isTrusted: isReadOnly,
      onOutcome: (failure) => this.#judge(failure),
    }, surroundings);
  }

  /** What is refused for good says nothing of the way to where it is refused. */
  #judge(failure: SinkError | undefined): void {
    if (failure === undefined || failure.isRetryable) this.#note(failure?.message);
  }

  #note(failure: string | undefined): void {
    const isNews = (failure === undefined) !== (this.#failure === undefined);
    this.#failure = failure;
    if (isNews) this.#parts.onHealth(this.id, failure);
  }
}

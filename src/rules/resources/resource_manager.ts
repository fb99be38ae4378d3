import { type Clock, type Logger, TurnQueue } from "../../base/mod.ts";
import { RecordError, type RecordStore } from "../../ports/mod.ts";
import { SinkError } from "../../sinks/mod.ts";
import type { RuleResources } from "../actions/sink_actions.ts";
import { checkTexts } from "../params/check_texts.ts";
import type { JsonObject } from "../rule.ts";
import { RuleError } from "../rule_error.ts";
import type { ConnectionSurroundings } from "./connection.ts";
import { LiveResource } from "./live_resource.ts";
import type { ResourceDraft, ResourceView } from "./resource.ts";
import {
  fromResourceRecord,
  type KeptResource,
  RESOURCE_KIND,
  toResourceRecord,
} from "./resource_record.ts";
import { isResourceType, type ResourceType } from "./resource_types.ts";

/** Where somebody hears of a resource that cannot be reached. */
export interface ResourceAlarms {
  raise(alarm: {
    readonly id: string;
    readonly title: string;
    readonly description: string;
    readonly severity: "error";
  }): void;
  clear(id: string): unknown;
}

/** A resource of the configuration. */
export interface ConfiguredResource {
  readonly id: string;
  readonly type: ResourceType;
  readonly config: JsonObject;
  readonly description: string;
}

export interface ResourceManagerParts {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: ResourceAlarms;
  readonly surroundings: ConnectionSurroundings;
  readonly maxResources: number;
}

/** For what waits when a resource ends, in milliseconds. */
const FLUSH_MS = 2000;

/** The resources of this broker: those of its configuration, which nobody else changes, and those that were made since. */
export class ResourceManager implements RuleResources {
  /** The rule that uses a resource, which cannot be removed then; undefined: none does. */
  findUser: (resourceId: string) => string | undefined = () => undefined;
  readonly #parts: ResourceManagerParts;
  /** By their ids, in the order in which they were made. */
  readonly #resources = new Map<string, LiveResource>();
  /** On its way out of the store. */
  #leaving: string | undefined;
  /** One change at a time: each builds on what there is. */
  readonly #turns = new TurnQueue();

  /** With the resources of earlier runs; those that cannot be used any more say so. */
  constructor(parts: ResourceManagerParts) {
    this.#parts = parts;
    for (const [id, value] of parts.records.list(RESOURCE_KIND)) {
      const kept = fromResourceRecord(value);
      if (kept === undefined) {
        parts.logger.warn("A stored resource cannot be read", { resource: id });
        continue;
      }
      const resource = LiveResource.reopen(this.#live(id, kept, false));
      const { problem } = resource.view;
      if (problem !== undefined) {
        parts.logger.warn("A stored resource cannot be used", { resource: id, error: problem });
      }
      this.#resources.set(id, resource);
    }
  }

  /**
   * Makes ready what the configuration says now; what is returned puts it into force: those that it does not name any
   * more go, those that are as they were stay untouched. Throws a `RuleError` where one of them cannot be.
   */
  prepare(configured: readonly ConfiguredResource[]): () => void {
    const next = new Map<string, KeptResource>();
    for (const { id, ...rest } of configured) {
      const known = this.#resources.get(id);
      if (known?.isReadOnly === true && isSame(known.kept, rest)) continue;
      if (known?.isReadOnly === false) throw taken(id);
      const kept = { ...rest, name: undefined, createdAtMs: this.#parts.clock.nowMs() };
      next.set(id, kept);
      // It may never come into force.
      this.#closeLater(this.#tryConfigured(id, kept));
    }
    const names = new Set(configured.map(({ id }) => id));
    return () => {
      for (const [id, resource] of this.#resources) {
        if (resource.isReadOnly && !names.has(id)) this.#let(resource);
      }
      for (const [id, kept] of next) this.#put(id, LiveResource.open(this.#live(id, kept, true)));
    };
  }

  list(): readonly ResourceView[] {
    return [...this.#resources.values()].map(({ view }) => view);
  }

  /** One that is being removed is no longer there: no rule may begin to need it. */
  get(id: string): LiveResource | undefined {
    return this.#leaving === id ? undefined : this.#resources.get(id);
  }

  /** Throws a `RuleError` where there cannot be such a resource. */
  async create(draft: ResourceDraft): Promise<ResourceView> {
    return await this.#turns.run(async () => {
      const kept = this.#keptOf(draft);
      const id = this.#idFor(kept);
      const known = this.#resources.get(id);
      if (known?.isReadOnly === true) throw readOnly(id);
      if (known === undefined && this.#resources.size >= this.#parts.maxResources) {
        const text = `there are ${this.#resources.size} already`;
        throw new RuleError("invalid", `Cannot create a resource: ${text}`, {
          detail: "too_many_resources",
        });
      }
      const resource = LiveResource.open(this.#live(id, kept, false));
      try {
        await this.#parts.records.put(RESOURCE_KIND, id, toResourceRecord(kept));
      } catch (error) {
        await resource.close(0);
        throw storeError("create", id, error);
      }
      this.#put(id, resource);
      return resource.view;
    });
  }

  /** Whether what the draft describes can be reached; nothing is kept. Throws a `RuleError` as `create` does. */
  async test(draft: ResourceDraft): Promise<boolean> {
    const live = this.#live("", this.#keptOf(draft), false);
    const resource = LiveResource.open({ ...live, onHealth: () => undefined });
    try {
      return await resource.isAlive();
    } finally {
      this.#closeLater(resource);
    }
  }

  /** False: there was none. Throws a `RuleError` where a rule uses it, or it is from the configuration. */
  async remove(id: string): Promise<boolean> {
    return await this.#turns.run(async () => {
      const resource = this.#resources.get(id);
      if (resource === undefined) return false;
      if (resource.isReadOnly) throw readOnly(id);
      const user = this.findUser(id);
      if (user !== undefined) {
        throw new RuleError("in-use", `Cannot remove resource "${id}": rule "${user}" uses it`, {
          subject: id,
          detail: `dependency_exists ${user}`,
        });
      }
      this.#leaving = id;
      try {
        await this.#parts.records.remove(RESOURCE_KIND, id);
      } catch (error) {
        throw storeError("remove", id, error);
      } finally {
        this.#leaving = undefined;
      }
      this.#let(resource);
      return true;
    });
  }

  /** Begins anew; false: it cannot be reached. Throws a `RuleError` "unknown-resource". */
  async start(id: string): Promise<boolean> {
    const resource = this.#known(id);
    try {
      await resource.restart();
    } catch (error) {
      if (!(error instanceof RuleError || error instanceof SinkError)) throw error;
      this.#parts.logger.warn("Cannot start a resource", { resource: id, error: error.message });
      return false;
    }
    return await resource.isAlive();
  }

  /** Tries to reach it now. Throws a `RuleError` "unknown-resource". */
  async isAlive(id: string): Promise<boolean> {
    return await this.#known(id).isAlive();
  }

  /** Delivers what waits, as far as that goes quickly. */
  async close(): Promise<void> {
    const resources = [...this.#resources.values()];
    this.#resources.clear();
    await Promise.all(resources.map((resource) => this.#close(resource)));
  }

  #known(id: string): LiveResource {
    const resource = this.#resources.get(id);
    if (resource !== undefined) return resource;
    throw new RuleError("unknown-resource", `Cannot use resource "${id}": there is none`, {
      subject: id,
    });
  }

  #keptOf({ type, name, config, description = "" }: ResourceDraft): KeptResource {
    if (!isResourceType(type)) {
      throw new RuleError(
        "unknown-resource-type",
        `Cannot create a resource of type "${type}": there is no such type`,
        { subject: type },
      );
    }
    checkTexts("resource", { name, description });
    return { name, type, config, description, createdAtMs: this.#parts.clock.nowMs() };
  }

  /** Two of the earlier generation with the same type and name are the same resource. */
  #idFor({ type, name }: KeptResource): string {
    if (name !== undefined) return `${type}:${name}`;
    while (true) {
      const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
      const id = `resource:${random.toString(16).padStart(8, "0")}`;
      if (!this.#resources.has(id)) return id;
    }
  }

  /** Refuses with the name of the resource, which whoever reads it looks for in a file. */
  #tryConfigured(id: string, kept: KeptResource): LiveResource {
    try {
      return LiveResource.open(this.#live(id, kept, true));
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      const { code, subject, detail, message } = error;
      const options = { subject, detail, cause: error };
      throw new RuleError(code, `Cannot use resource "${id}": ${message}`, options);
    }
  }

  #live(
    id: string,
    kept: KeptResource,
    isReadOnly: boolean,
  ): Parameters<typeof LiveResource.open>[0] {
    const { surroundings } = this.#parts;
    return { id, kept, isReadOnly, surroundings, onHealth: (of, why) => this.#tell(of, why) };
  }

  #put(id: string, resource: LiveResource): void {
    const before = this.#resources.get(id);
    this.#resources.set(id, resource);
    if (before === undefined) return;
    this.#parts.alarms.clear(alarmId(id));
    this.#closeLater(before);
  }

  #let(resource: LiveResource): void {
    this.#resources.delete(resource.id);
    this.#parts.alarms.clear(alarmId(resource.id));
    this.#closeLater(resource);
  }

  /** What waits for it goes its way; nobody waits for that. */
  #closeLater(resource: LiveResource): void {
    void this.#close(resource);
  }

  /** Never rejects: there is nothing that anybody could do. */
  #close(resource: LiveResource): Promise<void> {
    return resource.close(FLUSH_MS).catch((error: unknown) =>
      this.#parts.logger.warn("Cannot close a resource", {
        resource: resource.id,
        error: String(error),
      })
    );
  }

  #tell(id: string, failure: string | undefined): void {
    const { alarms } = this.#parts;
    if (failure === undefined) {
      alarms.clear(alarmId(id));
      return;
    }
    alarms.raise({
      id: alarmId(id),
      title: "Resource Down",
      severity: "error",
      description: failure,
    });
  }
}

function alarmId(resourceId: string): string {
  return `resource_down/${resourceId}`;
}

function isSame(
  kept: KeptResource,
  { type, config, description }: Omit<ConfiguredResource, "id">,
): boolean {
  return kept.type === type && kept.description === description &&
    JSON.stringify(kept.config) === JSON.stringify(config);
}

function taken(id: string): RuleError {
  const text = `Cannot use resource "${id}": one of that name was made through an API`;
  return new RuleError("invalid", text, { subject: id });
}

function readOnly(id: string): RuleError {
  const text = `Cannot change resource "${id}": it is from the configuration`;
  return new RuleError("read-only", text, { subject: id, detail: `read_only ${id}` });
}

function storeError(what: string, id: string, error: unknown): RuleError {
  const isRefused = error instanceof RecordError && error.reason !== "unavailable";
  const text = error instanceof Error ? error.message : String(error);
  return new RuleError(
    isRefused ? "invalid" : "unavailable",
    `Cannot ${what} resource "${id}": ${text}`,
    { cause: error, detail: text },
  );
}

import type { JsonObject } from "../rule.ts";
import type { ResourceType } from "./resource_types.ts";

/** A resource that somebody asks for. */
export interface ResourceDraft {
  readonly type: string;
  /** Undefined: a resource in the form of EMQX 3.2. */
  readonly name?: string | undefined;
  readonly config: JsonObject;
  readonly description?: string | undefined;
}

export interface ResourceView {
  readonly id: string;
  /** Undefined: it has the form of EMQX 3.2. */
  readonly name: string | undefined;
  readonly type: ResourceType;
  /** As it was asked for. */
  readonly config: JsonObject;
  readonly description: string;
  /** It is from the configuration: nobody removes it but who changes that. */
  readonly isReadOnly: boolean;
  /** Why one of an earlier run cannot be used by this one; it is kept, and takes nothing. */
  readonly problem: string | undefined;
  /** Wall clock, milliseconds. */
  readonly createdAtMs: number;
  readonly counters: ResourceCounters;
}

/** Since it was made, or since the start. */
export interface ResourceCounters {
  readonly offered: number;
  readonly delivered: number;
  readonly failed: number;
  readonly dropped: number;
  readonly retried: number;
  readonly queued: number;
  readonly queuedBytes: number;
}

import type { JsonValue } from "../../ports/mod.ts";
import type { JsonObject } from "../rule.ts";
import { isResourceType, type ResourceType } from "./resource_types.ts";

export const RESOURCE_KIND = "resource";

/** What is kept of a resource, under its id. */
export interface KeptResource {
  readonly name: string | undefined;
  readonly type: ResourceType;
  /** As it was asked for. */
  readonly config: JsonObject;
  readonly description: string;
  readonly createdAtMs: number;
}

export function toResourceRecord(kept: KeptResource): JsonValue {
  return { ...kept, name: kept.name ?? null };
}

/** Undefined: nothing that `toResourceRecord` has made. */
export function fromResourceRecord(value: JsonValue): KeptResource | undefined {
  if (!isObject(value)) return undefined;
  const { name, type, config, description, createdAtMs } = value;
  if (typeof type !== "string" || !isResourceType(type)) return undefined;
  if (config === undefined || !isObject(config)) return undefined;
  return {
    name: typeof name === "string" ? name : undefined,
    type,
    config,
    description: typeof description === "string" ? description : "",
    createdAtMs: typeof createdAtMs === "number" ? createdAtMs : 0,
  };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

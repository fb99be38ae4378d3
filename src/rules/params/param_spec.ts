import type { JsonValue } from "../../ports/mod.ts";

/** A text as EMQX 3.1 has it, or as 3.2 has it. */
export type Text = string | { readonly en: string; readonly zh: string };

/**
 * One parameter of an action or of a resource type: printed as it stands as part of a catalogue, and checked by
 * `checkParams`. `required` without a value is refused whatever its `default`, which is for those who fill in forms.
 */
export interface ParamSpec {
  readonly order?: number;
  readonly type: "string" | "number" | "float" | "boolean" | "object" | "array";
  readonly required?: boolean;
  readonly default?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly range?: readonly [min: number, max: number];
  /** "url", "topic" (a topic name of MQTT), or else a regular expression for the whole text. */
  readonly format?: string;
  /** "textarea" for people who write more than a line. */
  readonly input?: string;
  readonly title?: Text;
  readonly description?: Text;
  /** Members of an object; others are kept as they are. */
  readonly schema?: ParamSpecs;
  /** Elements of an array. */
  readonly items?: ParamSpec;
}

export type ParamSpecs = { readonly [name: string]: ParamSpec };

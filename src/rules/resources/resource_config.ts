import type { JsonValue } from "../../ports/mod.ts";
import { pathBelow, type TableOptions, tableProblem } from "../../sinks/mod.ts";
import { checkParams } from "../params/check_params.ts";
import type { JsonObject } from "../rule.ts";
import { RuleError } from "../rule_error.ts";
import { resourceSpecs, type ResourceType } from "./resource_types.ts";

/*
 * What the configuration of a resource means beyond its types and ranges.
 */

/** `config` of an operator's own file as `checkParams` gives it. Throws a `RuleError` for whatever is wrong with it. */
export function checkResourceConfig(type: ResourceType, config: JsonObject): JsonObject {
  const checked = checkParams(resourceSpecs(type), config, `resource type "${type}"`);
  if (type !== "built_in") checkWholeNumbers(checked);
  if (type === "web_hook") headersOf(checked["headers"]);
  if (type === "sqlite") tableOptions(checked);
  if (type === "file" || type === "sqlite") {
    const path = String(checked["path"]);
    // Which folder it is does not matter.
    if (!isAbsolutePath(path) && pathBelow("/", path) === undefined) throw wrongPath(path);
  }
  return checked;
}

const WHOLE_NUMBERS = ["queue_max", "pool_size", "max_size", "max_files"];

export function checkWholeNumbers(config: JsonObject): void {
  for (const name of WHOLE_NUMBERS) {
    const value = config[name];
    if (value === undefined || Number.isInteger(value)) continue;
    throw invalid(`wrong_type ${name}`, `${name} is ${value}; a whole number is wanted`);
  }
}

/** Whether a path does without the folder for such files; only an operator's own configuration may. */
export function isAbsolutePath(path: string): boolean {
  return /^(?:\/|[A-Za-z]:[\\/])/.test(path);
}

export function wrongPath(path: string): RuleError {
  const allowed = 'a path below the folder for such files is wanted, without ".."';
  return invalid("wrong_path path", `${JSON.stringify(path)} cannot be used: ${allowed}`);
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// What a header may hold, and no more: the rest of Latin 1 means different things to different servers.
const HEADER_VALUE = /^[\t\u0020-\u007e]*$/;

export function headersOf(
  headers: JsonValue | undefined,
): readonly (readonly [name: string, value: string])[] {
  return Object.entries(headers ?? {}).map(([name, value]) => {
    const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
    if (!HEADER_NAME.test(name) || typeof text !== "string" || !HEADER_VALUE.test(text)) {
      throw invalid(`wrong_format headers.${name}`, `there is no header like ${name}`);
    }
    return [name, text] as const;
  });
}

export function tableOptions(config: JsonObject): TableOptions {
  const options: TableOptions = {
    table: String(config["table"]),
    columns: columnsOf(config["columns"]),
    createsTable: config["create_table"] === true,
  };
  const problem = tableProblem(options);
  if (problem !== undefined) throw invalid(`wrong_table ${problem}`, problem);
  return options;
}

function columnsOf(
  columns: JsonValue | undefined,
): readonly (readonly [column: string, path: string])[] {
  return Object.entries(columns ?? {}).map(([column, path]) => {
    if (typeof path !== "string" || path === "") {
      throw invalid(
        `wrong_type columns.${column}`,
        `column "${column}" wants the name of a member`,
      );
    }
    return [column, path] as const;
  });
}

export function invalid(detail: string, text: string): RuleError {
  return new RuleError("invalid", `Cannot use the resource: ${text}`, { detail });
}

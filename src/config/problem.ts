import { environmentName, formatPath, type KeyPath } from "./key_path.ts";
import type { KeyPosition, Position } from "./toml_locator.ts";

/** Who set a value. */
export type Origin =
  | { readonly from: "file"; readonly file: string; readonly position: KeyPosition | undefined }
  /** Set through an API, and kept. */
  | { readonly from: "stored" }
  | { readonly from: "environment"; readonly name: string }
  | { readonly from: "flag"; readonly flag: string };

/** One thing in the configuration that cannot be used. */
export interface ConfigProblem {
  readonly origin: Origin;
  /** Where in the file; undefined for the environment and the command line. */
  readonly position: Position | undefined;
  /** Undefined where no key can be named, as in text that is not TOML. */
  readonly key: string | undefined;
  readonly found: string;
  readonly allowed: string | undefined;
  /** What was probably meant. */
  readonly suggestion: string | undefined;
}

/** The configuration cannot be used, for one or more reasons. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** Never empty; those of the file first, in its order. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(`Cannot use the configuration: ${count}`);
    this.problems = [...problems].sort(compareProblems);
  }
}

/** One line: `broker.toml:12:11: mqtt.max_qos: found 3; allowed: 0, 1, 2`. */
export function formatProblem(problem: ConfigProblem): string {
  const parts = [originText(problem.origin, problem.position)];
  if (problem.key !== undefined) parts.push(problem.key);
  let detail = problem.key === undefined ? problem.found : `found ${problem.found}`;
  if (problem.suggestion !== undefined) detail += `; did you mean "${problem.suggestion}"?`;
  if (problem.allowed !== undefined) {
    detail += `${problem.suggestion === undefined ? ";" : ""} allowed: ${problem.allowed}`;
  }
  return [...parts, detail].join(": ");
}

/** The name of `path` where `origin` speaks: a variable, or a dotted key. */
export function pathFor(origin: Origin, path: KeyPath): string {
  return origin.from === "environment" ? environmentName(path) : formatPath(path);
}

/** Where something stands: `broker.toml:12:11`, `environment BROKER_MQTT__MAX_QOS`, `--set mqtt.max_qos`. */
export function originText(origin: Origin, position: Position | undefined): string {
  switch (origin.from) {
    case "file":
      return position === undefined
        ? origin.file
        : `${origin.file}:${position.line}:${position.column}`;
    case "stored":
      return "stored setting";
    case "environment":
      return `environment ${origin.name}`;
    case "flag":
      return origin.flag;
  }
}

const ORIGIN_ORDER = { file: 0, stored: 1, environment: 2, flag: 3 } as const;

function compareProblems(a: ConfigProblem, b: ConfigProblem): number {
  return ORIGIN_ORDER[a.origin.from] - ORIGIN_ORDER[b.origin.from] ||
    (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
    (a.position?.column ?? 0) - (b.position?.column ?? 0);
}

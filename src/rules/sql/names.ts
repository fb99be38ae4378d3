import type { NameExpression } from "./ast.ts";
import type { SqlFunction } from "../functions/mod.ts";
import { decodePayload } from "./json.ts";
import type { Evaluate } from "./scope.ts";
import { SqlError } from "./sql_error.ts";
import { memberAt, memberOf } from "./value.ts";

/** "3.1": a name that is nothing is text in a condition and nothing elsewhere. "3.2": it is refused. */
export type Flavor = "3.1" | "3.2";

/** What one statement's compilation knows and notes. */
export interface Compilation {
  readonly text: string;
  readonly flavor: Flavor;
  readonly functions: ReadonlyMap<string, SqlFunction>;
  isColumn(name: string): boolean;
  readonly columnsUsed: Set<string>;
  /** Reserves a slot of the scope. */
  allocate(): number;
}

/** What names mean at one place of the statement. */
export interface Names {
  readonly compilation: Compilation;
  /** By the first name of the alias: the value that was selected under it. */
  readonly aliases: ReadonlyMap<string, Evaluate>;
  readonly isCondition: boolean;
}

/** What was selected under a name comes before the column of that name, unless it has no value. */
export function compileName({ path, at }: NameExpression, names: Names): Evaluate {
  const { compilation, aliases, isCondition } = names;
  const root = path[0] as string;
  const alias = aliases.get(root);
  const isColumn = compilation.isColumn(root);
  if (isColumn) compilation.columnsUsed.add(root);
  if (alias !== undefined) return compileAlias(alias, path, isColumn);
  if (isColumn) return compileColumn(path);
  if (compilation.flavor === "3.2") {
    const detail = `unknown column "${root}"`;
    throw new SqlError(compilation.text, at, { code: "unknown-column", detail, name: root });
  }
  return isCondition && path.length === 1 ? () => root : () => undefined;
}

function compileColumn(path: readonly string[]): Evaluate {
  const [root, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return ({ columns }) => columns.get(root);
  if (root !== "payload") return ({ columns }) => memberAt(columns.get(root), rest);
  if (rest.length > 1) return ({ columns }) => memberAt(columns.payloadObject(), rest);
  const name = rest[0] as string;
  return ({ columns }) => memberOf(columns.payloadObject(), name);
}

function compileAlias(
  alias: Evaluate,
  path: readonly string[],
  isColumn: boolean,
): Evaluate {
  const [root, ...rest] = path as [string, ...string[]];
  const column: Evaluate = isColumn ? compileColumn(path) : () => undefined;
  return (scope) => {
    const value = alias(scope);
    if (value === undefined) return column(scope);
    if (rest.length === 0) return value;
    // A payload is looked into even when it was selected again under its own name.
    if (root === "payload" && typeof value === "string") {
      return memberAt(decodePayload(value), rest);
    }
    return memberAt(value, rest);
  };
}

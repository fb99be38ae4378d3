import type { SqlValue } from "./protocol.ts";
import type { InsertStatement, RowItem } from "./sqlite_sink.ts";

export interface TableOptions {
  readonly table: string;
  /** Column and the member of the data that it takes, "payload.temp"; empty: each member is a column of its name. */
  readonly columns: readonly (readonly [column: string, path: string])[];
  /** Whether the table is made where there is none. */
  readonly createsTable: boolean;
}

export const COLUMNS_MAX = 200;
const NAME_MAX_LENGTH = 128;
/** Different sets of columns that are remembered; data whose members differ all the time costs a little more. */
const STATEMENTS_MAX = 64;
/** Of a value that is not text, about. */
const VALUE_BYTES = 16;

/** Makes rows of a table out of data. Names are quoted and values bound: what they contain is never read as SQL. */
export class TableRows {
  readonly #options: TableOptions;
  readonly #paths: readonly (readonly string[])[];
  readonly #fixed: InsertStatement | undefined;
  /** By the names of the columns. */
  readonly #statements = new Map<string, InsertStatement>();

  /** The options have passed `tableProblem`. */
  constructor(options: TableOptions) {
    this.#options = options;
    const { columns } = options;
    this.#paths = columns.map(([, path]) => path.split("."));
    this.#fixed = columns.length === 0
      ? undefined
      : this.#createStatement(columns.map(([column]) => column));
  }

  /** Undefined: there is nothing that could be a row. */
  row(
    data: Readonly<Record<string, unknown>>,
    onSettled?: RowItem["onSettled"],
  ): RowItem | undefined {
    const values = this.#fixed === undefined
      ? Object.values(data).map(toSqlValue)
      : this.#paths.map((path) => toSqlValue(memberAt(data, path)));
    const statement = this.#fixed ?? this.#statementFor(Object.keys(data));
    if (statement === undefined) return undefined;
    return {
      statement,
      values,
      bytes: values.reduce<number>((sum, each) => sum + bytesOf(each), 0),
      onSettled,
    };
  }

  #statementFor(columns: readonly string[]): InsertStatement | undefined {
    const key = JSON.stringify(columns);
    const known = this.#statements.get(key);
    if (known !== undefined) return known;
    const isFine = columns.length > 0 && columns.length <= COLUMNS_MAX && columns.every(isSqlName);
    if (!isFine) return undefined;
    const statement = this.#createStatement(columns);
    if (this.#statements.size < STATEMENTS_MAX) this.#statements.set(key, statement);
    return statement;
  }

  #createStatement(columns: readonly string[]): InsertStatement {
    const table = quoteName(this.#options.table);
    const names = columns.map(quoteName).join(", ");
    const places = columns.map(() => "?").join(", ");
    return {
      sql: `INSERT INTO ${table} (${names}) VALUES (${places})`,
      createSql: this.#options.createsTable
        ? `CREATE TABLE IF NOT EXISTS ${table} (${names})`
        : undefined,
    };
  }
}

/** What may name a table or a column. */
export function isSqlName(name: string): boolean {
  return name.length > 0 && name.length <= NAME_MAX_LENGTH && !/\p{Cc}/u.test(name);
}

/** Why there can be no such table; undefined: there can. */
export function tableProblem({ table, columns }: TableOptions): string | undefined {
  if (!isSqlName(table)) return `no table can be called ${JSON.stringify(table)}`;
  const bad = columns.find(([column]) => !isSqlName(column));
  if (bad !== undefined) return `no column can be called ${JSON.stringify(bad[0])}`;
  return columns.length > COLUMNS_MAX ? `it has more than ${COLUMNS_MAX} columns` : undefined;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function memberAt(data: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let value: unknown = data;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      return undefined;
    }
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** Whole numbers stay whole: the driver would bind every number as a decimal. */
function toSqlValue(value: unknown): SqlValue {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case "bigint":
      return BigInt.asIntN(64, value) === value ? value : value.toString();
    case "boolean":
      return value ? 1n : 0n;
    default:
      return value === undefined || value === null ? null : JSON.stringify(value) ?? null;
  }
}

function bytesOf(value: SqlValue): number {
  return VALUE_BYTES + (typeof value === "string" ? value.length * 2 : 0);
}

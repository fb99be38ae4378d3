import { loadCases, readJson, type RunnableCase } from "./cases.ts";

/** A numbered statement of one of the standards, in our own words. */
export interface Statement {
  readonly number: string;
  readonly text: string;
  /** `client`: a duty of clients that a broker cannot fail. `untestable`: not from outside, or not yet. */
  readonly status: "tested" | "client" | "untestable";
  /** Why it is not tested. */
  readonly why?: string;
  /** Test file, from the project's root, that shows it where no case does. */
  readonly by?: string;
}

export type Standard = "3.1.1" | "5.0";

export const STANDARDS: readonly Standard[] = ["3.1.1", "5.0"];

export function loadStatements(): Readonly<Record<Standard, readonly Statement[]>> {
  return readJson("statements.json") as Record<Standard, Statement[]>;
}

/** The standard whose numbers the cases of a file cite. */
export function standardOf(one: RunnableCase): Standard {
  return one.file.startsWith("v3/") ? "3.1.1" : "5.0";
}

/** Titles of cases by the numbers that they cite. */
export function casesByNumber(standard: Standard): ReadonlyMap<string, readonly string[]> {
  const titles = new Map<string, string[]>();
  for (const one of loadCases().filter((each) => standardOf(each) === standard)) {
    for (const number of one.numbers ?? []) {
      titles.set(number, [...titles.get(number) ?? [], one.title]);
    }
  }
  return titles;
}

/** The figures that README.md shows, as Markdown. */
export function coverageTables(): string {
  const statements = loadStatements();
  const rows = STANDARDS.map((standard) => {
    const all = statements[standard];
    const count = (status: Statement["status"]): number =>
      all.filter((statement) => statement.status === status).length;
    return [
      `MQTT ${standard}`,
      all.length,
      count("tested"),
      count("client"),
      count("untestable"),
    ];
  });
  return [
    ...table(["Standard", "Statements", "Tested", "Duty of clients alone", "Not testable"], rows),
    "",
    ...table(["File", "Cases", "Tests", "Statements"], fileRows()),
    "",
    ...STANDARDS.flatMap((standard) => [
      `Not testable of MQTT ${standard}:`,
      "",
      ...reasons(statements[standard]),
      "",
    ]),
  ].join("\n").trimEnd();
}

function fileRows(): (string | number)[][] {
  const cases = loadCases();
  const rows = [...new Set(cases.map(({ file }) => file))].map((file) => {
    const ofFile = cases.filter((one) => one.file === file);
    return [file, names(ofFile), ofFile.length, numbers(ofFile)];
  });
  return [...rows, ["all", names(cases), cases.length, numbers(cases)]];
}

function names(cases: readonly RunnableCase[]): number {
  return new Set(cases.map(({ file, name }) => `${file} ${name}`)).size;
}

function numbers(cases: readonly RunnableCase[]): number {
  const cited = cases.flatMap((one) =>
    (one.numbers ?? []).map((number) => `${standardOf(one)} ${number}`)
  );
  return new Set(cited).size;
}

/** One line for each reason, with the numbers that it holds for. */
function reasons(statements: readonly Statement[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { status, why = "", number } of statements) {
    if (status !== "untestable") continue;
    byReason.set(why, [...byReason.get(why) ?? [], number.replace("MQTT-", "")]);
  }
  return [...byReason].map(([why, of]) => `- ${why}: ${of.join(", ")}`);
}

function table(head: readonly string[], rows: readonly (string | number)[][]): string[] {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [line(cells[0] ?? []), line(rule), ...cells.slice(1).map(line)];
}

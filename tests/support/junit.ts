/** Reads the JUnit reports that `deno test` and `bun test` write. */

/** One test of a report. */
export interface ReportedTest {
  /** Its file, as the runner names it, and its own name. */
  readonly file: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What the runner wrote about a failure; empty for other outcomes. */
  readonly text: string;
}

const TESTCASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
const FAILURE = /<(?:failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/;

/** Every test of a report, in its order. Both runners escape `<` and `>` inside names and texts. */
export function parseJunit(xml: string): ReportedTest[] {
  const tests: ReportedTest[] = [];
  for (const [, attributes = "", body = ""] of xml.matchAll(TESTCASE)) {
    const failure = FAILURE.exec(body);
    const isSkipped = /<skipped\b/.test(body);
    tests.push({
      file: attribute(attributes, "file") || attribute(attributes, "classname"),
      name: attribute(attributes, "name"),
      outcome: failure ? "failed" : isSkipped ? "skipped" : "passed",
      text: failure ? unescapeXml(failure[2] ?? "") || attribute(failure[1] ?? "", "message") : "",
    });
  }
  return tests;
}

function attribute(attributes: string, name: string): string {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes);
  return unescapeXml(found?.[1] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

function unescapeXml(text: string): string {
  return text.replace(/&(#x?[0-9a-fA-F]+|[a-z]+);/g, (whole: string, name: string) => {
    if (name.startsWith("#x")) return String.fromCodePoint(parseInt(name.slice(2), 16));
    if (name.startsWith("#")) return String.fromCodePoint(parseInt(name.slice(1), 10));
    return ENTITIES[name] ?? whole;
  });
}

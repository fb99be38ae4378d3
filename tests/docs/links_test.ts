/** Whatever a document refers to is there. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { PROJECT_ROOT, readProjectFile } from "../support/project_files.ts";

const DOCUMENTS = [
  ...readdirSync(PROJECT_ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(PROJECT_ROOT, "docs")).filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

for (const document of DOCUMENTS) {
  test(`the links of ${document} lead somewhere`, () => {
    const links = [...readProjectFile(document).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map(([, link]) => link ?? "").filter((link) => !/^\w+:/.test(link));
    const missing = links.filter((link) =>
      !existsSync(join(PROJECT_ROOT, dirname(document), decodeURI(link)))
    );
    assertEquals(missing, []);
  });
}

test("docs/README.md names every document", () => {
  const index = readProjectFile("docs/README.md");
  const forgotten = DOCUMENTS.filter((name) =>
    name.startsWith("docs/") && name !== "docs/README.md"
  )
    .filter((name) => !index.includes(`(${name.slice("docs/".length)})`));
  assertEquals(forgotten, []);
});

/** Configuration that a document shows must be one. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, formatProblem, loadConfig } from "../../src/config/mod.ts";
import { docBlocks } from "../support/doc_blocks.ts";
import { PROJECT_ROOT, readProjectFile } from "../support/project_files.ts";

const DOCUMENTS = [
  "README.md",
  ...readdirSync(join(PROJECT_ROOT, "docs")).filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

for (const document of DOCUMENTS) {
  for (const { language, text, line } of docBlocks(readProjectFile(document))) {
    if (language !== "toml") continue;
    test(`the configuration of ${document}, line ${line}, can be used`, () => {
      try {
        const file = { name: document, text };
        loadConfig({ file, environment: {}, flags: [], isEphemeral: false });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        throw new Error(error.problems.map(formatProblem).join("\n"));
      }
    });
  }
}

import { readdir, writeFile } from "node:fs/promises";
import { formatProblem } from "../config/mod.ts";
import { ConfigError, loadConfig } from "../config/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { ImportArguments } from "./import_arguments.ts";
import { readConf } from "./mosquitto/conf_lines.ts";
import { remarkLine } from "./mosquitto/draft.ts";
import { translateConf } from "./mosquitto/translate.ts";

const EXIT_FINE = 0;
const EXIT_NOT_WRITTEN = 1;
const EXIT_INCOMPLETE = 3;

/** `broker import`; resolves with the exit status. */
export async function importConfiguration(
  runtime: Runtime,
  { file, output }: ImportArguments,
): Promise<number> {
  try {
    const reader = {
      readTextFile: (path: string) => runtime.readTextFile(path),
      namesIn: (folder: string) => readdir(folder),
    };
    const draft = translateConf(await readConf(reader, file));
    const text = draft.text(file);
    if (output === undefined) runtime.writeStdout(text);
    else await writeNew(output, text);
    const remarks = draft.remarks.filter(({ kind }) => kind !== "needless");
    for (const remark of draft.remarks) runtime.writeStderr(`${remarkLine(remark)}\n`);
    for (const problem of problemsOf(text)) runtime.writeStderr(`${problem}\n`);
    if (output !== undefined) {
      runtime.writeStderr(
        `Written: "${output}"; "broker check --config ${output}" looks at its files\n`,
      );
    }
    return remarks.some(({ kind }) => kind === "lost") ? EXIT_INCOMPLETE : EXIT_FINE;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isOurs = reason.startsWith("Cannot write ");
    runtime.writeStderr(`broker: ${isOurs ? reason : `Cannot import "${file}": ${reason}`}\n`);
    return EXIT_NOT_WRITTEN;
  }
}

/** Rejects where there is such a file already. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (cause) {
    const isThere = (cause as { readonly code?: unknown }).code === "EEXIST";
    const reason = isThere ? "it exists" : cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot write "${path}": ${reason}`, { cause });
  }
}

/** What the broker would say of it, which is what it would have said of the original. */
function problemsOf(text: string): readonly string[] {
  try {
    loadConfig({ file: { name: "output", text }, environment: {}, flags: [], isEphemeral: false });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(formatProblem);
  }
}

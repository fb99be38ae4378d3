/**
 * Runs every command that a document shows, document by document: each in an empty folder, on a network of its own, so
 * that ports are free and nobody else is reached.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { type DocBlock, docBlocks, missingLine } from "../support/doc_blocks.ts";
import { PROJECT_ROOT, readProjectFile } from "../support/project_files.ts";
import { programCommand } from "../support/start_broker.ts";

const DOCUMENTS = [
  "README.md",
  ...readdirSync(join(PROJECT_ROOT, "docs")).filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const DOCUMENT_MS = 60_000;
/** Whatever was started ends with the shell. */
const ALONE = ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"];

function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** Undefined: everything that it takes is there. */
function lacking(): string | undefined {
  for (const program of ["bash", "curl", "jq", "openssl", "ip", "unshare"]) {
    if (!isInstalled(program)) return `${program} is not installed`;
  }
  const { status } = spawnSync("unshare", [...ALONE, "ip", "link", "set", "lo", "up"]);
  return status === 0 ? undefined : "there cannot be a network of its own here";
}

const whyNot = lacking();

function isRun({ kind, whyNotRun, needs }: DocBlock): boolean {
  return kind === "commands" && whyNotRun === undefined && needs.every(isInstalled);
}

for (const document of DOCUMENTS) {
  const blocks = docBlocks(readProjectFile(document));
  if (!blocks.some(isRun)) continue;
  test(`the commands of ${document} do what it says`, { skip: whyNot ?? false }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "broker-docs-"));
    try {
      await prepare(folder);
      await run(folder, blocks);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

/** `broker` on the PATH, and the files of the project that documents name. */
async function prepare(folder: string): Promise<void> {
  await mkdir(join(folder, "bin"));
  await mkdir(join(folder, "out"));
  await mkdir(join(folder, "work"));
  await symlink(join(PROJECT_ROOT, "config"), join(folder, "work", "config"));
  const words = (await programCommand()).map((word) => `'${word}'`).join(" ");
  await writeFile(join(folder, "bin", "broker"), `#!/bin/sh\nexec ${words} "$@"\n`, {
    mode: 0o755,
  });
}

async function run(folder: string, blocks: readonly DocBlock[]): Promise<void> {
  await writeFile(join(folder, "all.sh"), await script(folder, blocks));
  const child = spawn("unshare", [...ALONE, "bash", join(folder, "all.sh")], {
    cwd: join(folder, "work"),
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: [join(folder, "bin"), process.env["PATH"] ?? ""].join(delimiter),
      NO_COLOR: "1",
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => said += text);
  }
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const status = await within(ended, "the end of the document's commands", DOCUMENT_MS)
    .finally(() => child.kill("SIGKILL"));
  assertEquals([status, said], [0, ""]);
  await compare(folder, blocks);
}

/** One program for all of a document, as its brokers live on from one block to the next. */
async function script(folder: string, blocks: readonly DocBlock[]): Promise<string> {
  const parts = [PRELUDE];
  for (const [index, block] of blocks.entries()) {
    const { kind, line, text, name, isBackground, stopsFirst, isWithBroker } = block;
    if (kind === "file") {
      const file = join(folder, "out", `file-${index}`);
      await writeFile(file, `${text}\n`);
      parts.push(`cp '${file}' '${name}'`);
    }
    if (!isRun(block)) continue;
    const file = join(folder, "out", String(index));
    await writeFile(`${file}.sh`, text);
    if (stopsFirst) parts.push("stop_brokers");
    if (isWithBroker) {
      await writeFile(`${file}-broker.sh`, "broker run");
      parts.push(`serve ${line} '${file}-broker'`);
    }
    parts.push(`${isBackground ? "serve" : "run"} ${line} '${file}'`);
  }
  return [...parts, "stop_brokers", ""].join("\n");
}

const PRELUDE = `set -uo pipefail
ip link set lo up
brokers=()
stop_brokers() {
  # A group of its own each, so that what the shell has started ends, too.
  for group in "\${brokers[@]}"; do kill -TERM -- "-$group" && wait "$group"; done 2>/dev/null
  brokers=()
}
fail() {
  echo "the commands of line $1 $2:"
  cat "$3.out" "$3.err"
  stop_brokers
  exit 1
}
run() {
  bash -euo pipefail "$2.sh" >"$2.out" 2>"$2.err" </dev/null || fail "$1" "ended with status $?" "$2"
}
serve() {
  set -m
  bash -euo pipefail "$2.sh" >"$2.out" 2>"$2.err" </dev/null &
  brokers+=($!)
  set +m
  for ((count = 0; count < 400; count++)); do
    grep -qs '^ready ' "$2.out" && return
    kill -0 $! 2>/dev/null || fail "$1" "ended" "$2"
    sleep 0.05
  done
  fail "$1" "start no broker" "$2"
}`;

async function compare(folder: string, blocks: readonly DocBlock[]): Promise<void> {
  let before: number | undefined;
  for (const [index, block] of blocks.entries()) {
    if (block.kind === "commands") before = isRun(block) ? index : undefined;
    if (block.kind !== "output" || before === undefined) continue;
    const printed = await readFile(join(folder, "out", `${before}.out`), "utf8");
    const missing = missingLine(block.text, printed);
    const failure = missing === undefined
      ? undefined
      : `line ${block.line}: "${missing}" is not in:\n${printed}`;
    assertEquals(failure, undefined);
  }
}

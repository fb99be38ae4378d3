import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  FileSink,
  type FileSinkOptions,
  type LineItem,
  SinkError,
} from "../../../src/sinks/mod.ts";
import { withFolder } from "../../support/storage_rig.ts";

function sinkIn(folder: string, options: Partial<FileSinkOptions> = {}): FileSink {
  const path = join(folder, "below", "out.jsonl");
  return new FileSink({ path, bytesMax: 0, filesMax: 2, isSynced: false, ...options });
}

function lines(...texts: readonly string[]): readonly LineItem[] {
  return texts.map((text) => {
    const line = new TextEncoder().encode(text);
    return { line, bytes: line.length };
  });
}

async function textIn(folder: string, name = "out.jsonl"): Promise<string> {
  return await readFile(join(folder, "below", name), "utf8");
}

test("FileSink appends lines, in the order in which they come, to what is there", () =>
  withFolder(async (folder) => {
    const first = sinkIn(folder);
    await Promise.all(["a", "b", "c"].map((text) => first.deliver(lines(text, `${text}é`))));
    await first.close();
    const second = sinkIn(folder, { isSynced: true });
    await second.deliver(lines("d"));
    assertEquals(await textIn(folder), "a\naé\nb\nbé\nc\ncé\nd\n");
    await second.close();
  }));

test("FileSink sets a full file aside, and keeps so many", () =>
  withFolder(async (folder) => {
    const sink = sinkIn(folder, { bytesMax: 10 });
    for (const text of ["1111", "2222", "3333", "4444", "5555", "6666", "7777"]) {
      await sink.deliver(lines(text));
    }
    assertEquals((await readdir(join(folder, "below"))).sort(), [
      "out.jsonl",
      "out.jsonl.1",
      "out.jsonl.2",
    ]);
    assertEquals(await textIn(folder), "7777\n");
    assertEquals(await textIn(folder, "out.jsonl.1"), "5555\n6666\n");
    assertEquals(await textIn(folder, "out.jsonl.2"), "3333\n4444\n");
    await sink.close();
  }));

test("FileSink knows the size of what an earlier run has left", () =>
  withFolder(async (folder) => {
    await mkdir(join(folder, "below"));
    await writeFile(join(folder, "below", "out.jsonl"), "12345678\n");
    const sink = sinkIn(folder, { bytesMax: 10, filesMax: 1 });
    await sink.deliver(lines("new"));
    assertEquals(await textIn(folder), "new\n");
    assertEquals(await textIn(folder, "out.jsonl.1"), "12345678\n");
    await sink.close();
  }));

test("FileSink begins a new file where the old one was renamed or removed", () =>
  withFolder(async (folder) => {
    const sink = sinkIn(folder);
    const path = join(folder, "below", "out.jsonl");
    await sink.deliver(lines("a"));
    await rename(path, `${path}.old`);
    await sink.deliver(lines("b"));
    await rm(path);
    await sink.deliver(lines("c"));
    assertEquals([await textIn(folder, "out.jsonl.old"), await textIn(folder)], ["a\n", "c\n"]);
    await sink.close();
  }));

test("FileSink.check() finds out whether there can be such a file", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "below"), "a file where a folder is to be");
    const sink = sinkIn(folder);
    const error = await assertRejects(() => sink.check(), SinkError);
    assertEquals(error.isRetryable, true);
    await assertRejects(() => sink.deliver(lines("a")), SinkError);
    await rm(join(folder, "below"));
    await sink.deliver(lines("a"));
    assertEquals(await textIn(folder), "a\n");
    await sink.close();
    await assertRejects(() => sink.deliver(lines("b")), SinkError, "has been closed");
  }));

test("FileSink writes again once it may", () =>
  withFolder(async (folder) => {
    const sink = sinkIn(folder);
    await mkdir(join(folder, "below"));
    const path = join(folder, "below", "out.jsonl");
    await mkdir(path);
    await assertRejects(() => sink.deliver(lines("a")), SinkError);
    await rm(path, { recursive: true });
    await sink.deliver(lines("a"));
    await chmod(path, 0o600);
    assertEquals(await textIn(folder), "a\n");
    await sink.close();
  }));

test("FileSink may be tried again where the disk is full", async () => {
  const sink = new FileSink({ path: "/dev/full", bytesMax: 0, filesMax: 0, isSynced: false });
  const error = await assertRejects(() => sink.deliver(lines("a")), SinkError);
  assertMatch(error.message, /ENOSPC|no space/i);
  assertEquals(error.isRetryable, true);
  await sink.close();
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BenchBroker,
  type RunOptions,
  type RuntimeProgram,
  startBenchBroker,
} from "./programs.ts";

/** A broker with this text as its configuration; the file goes when the broker is stopped. */
export async function startConfiguredBroker(
  runtime: RuntimeProgram,
  text: string,
  place: RunOptions,
): Promise<BenchBroker> {
  return await startInFolder(async (folder) => {
    const path = join(folder, "broker.toml");
    writeFileSync(path, text);
    return await startBenchBroker(runtime, [], { ...place, config: path });
  });
}

/** A broker with a folder of its own, which goes when the broker is stopped. */
export async function startInFolder(
  start: (folder: string) => Promise<BenchBroker>,
): Promise<BenchBroker> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const remove = (): void => rmSync(folder, { recursive: true });
  try {
    const broker = await start(folder);
    return { ...broker, stop: () => broker.stop().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

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
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const remove = (): void => rmSync(folder, { recursive: true });
  try {
    const path = join(folder, "broker.toml");
    writeFileSync(path, text);
    const broker = await startBenchBroker(runtime, [], { ...place, config: path });
    return { ...broker, stop: () => broker.stop().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

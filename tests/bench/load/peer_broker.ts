/** Mosquitto, as something to compare with: on the same machine, the same core, under the same load. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchBroker, RunOptions } from "./programs.ts";

const START_TRIES = 200;
const TRY_EVERY_MS = 25;

/** What it says of itself, such as "2.0.11"; undefined where it is not installed. */
export function mosquittoVersion(): string | undefined {
  try {
    // It writes its help with a status of failure.
    execFileSync("mosquitto", ["-h"], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout = "" } = error as { stdout?: string };
    return /version (\S+)/.exec(stdout)?.[1];
  }
  return undefined;
}

/** Without limits of its queues, as they would only drop what is to be measured. Rejects when it does not start. */
export async function startMosquitto({ core }: RunOptions): Promise<BenchBroker> {
  const folder = await mkdtemp(join(tmpdir(), "growth-"));
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  const lines = [
    `listener ${port} 0.0.0.0`,
    "allow_anonymous true",
    "max_queued_messages 0",
    "max_inflight_messages 0",
    "set_tcp_nodelay true",
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  const child = core === undefined
    ? spawn("mosquitto", ["-c", config], { stdio: "ignore" })
    : spawn("taskset", ["-c", `${core}`, "mosquitto", "-c", config], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true });
  };
  await untilItAccepts(child, port, stop);
  return { host: "127.0.0.1", port, pid: child.pid, stop };
}

async function untilItAccepts(
  child: ChildProcess,
  port: number,
  stop: () => Promise<void>,
): Promise<void> {
  for (let tries = 0; tries < START_TRIES && child.exitCode === null; tries++) {
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
  }
  await stop();
  throw new Error(`Cannot start mosquitto: nobody listens on port ${port}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

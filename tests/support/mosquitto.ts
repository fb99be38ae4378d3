/** The clients of mosquitto, where they are installed: independent of this project in every line. */
import { spawn, spawnSync } from "node:child_process";
import { within } from "./deadline.ts";

/** False where the clients or `stdbuf` are not installed: tests with them are then skipped. */
export function hasMosquitto(): boolean {
  return ["mosquitto_pub", "mosquitto_sub", "stdbuf"].every((program) =>
    spawnSync(program, ["--help"]).error === undefined
  );
}

/** Runs mosquitto_pub to its end; a status other than 0 is a failure with its output. */
export async function mosquittoPub(port: number, args: readonly string[]): Promise<void> {
  const child = spawn("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(port), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => output += text);
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const status = await within(ended, "the end of mosquitto_pub");
  if (status !== 0) throw new Error(`mosquitto_pub ended with status ${status}: ${output}`);
}

/** A mosquitto_sub that has subscribed. */
export interface MosquittoSub {
  /** Its standard output once it has ended, as it does after the messages of `-C COUNT`. */
  lines(): Promise<string[]>;
  kill(): void;
}

/** Starts mosquitto_sub and waits until the broker has acknowledged its subscription. */
export async function mosquittoSub(port: number, args: readonly string[]): Promise<MosquittoSub> {
  // With -d it tells of the SUBACK; into a pipe it would keep that until it ends.
  const command = ["-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", String(port), "-d", ...args];
  const child = spawn("stdbuf", command, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let wake: (() => void) | undefined;
  const subscribed = new Promise<void>((resolve) => wake = resolve);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
      if (/^Subscribed \(mid/m.test(output)) wake?.();
    });
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const early = ended.then((status) => {
    throw new Error(`mosquitto_sub ended with status ${status}: ${output}`);
  });
  await within(Promise.race([subscribed, early]), "mosquitto_sub's subscription");
  early.catch(() => undefined);
  return {
    lines: async () => {
      await within(ended, "the end of mosquitto_sub");
      return output.trim().split("\n").filter((line) => !/^(?:Client |Subscribed )/.test(line));
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

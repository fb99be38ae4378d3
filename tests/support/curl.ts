/** The examples of the products' documents, sent as they stand there: by curl, through a shell. */
import { spawn, spawnSync } from "node:child_process";
import { within } from "./deadline.ts";

/** False where curl is not installed: tests with it are then skipped. */
export function hasCurl(): boolean {
  return spawnSync("curl", ["--version"]).error === undefined;
}

export interface CurlReply {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Runs a command that begins with `curl`, with `from` in it replaced by `to`. The command is a test's own text, never
 * anything from outside. Rejects where curl gets no reply.
 */
export async function curl(command: string, from: string, to: string): Promise<CurlReply> {
  if (!command.startsWith("curl ") || !command.includes(from)) {
    throw new Error(`Cannot run "${command}": it is no curl command with "${from}"`);
  }
  const line = `curl --silent --show-error --include ${command.slice(5).replace(from, to)}`;
  const child = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let problems = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => problems += text);
  const code = await within(
    new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve)
    ),
    "the end of curl",
  );
  if (code !== 0) throw new Error(`Cannot get a reply: curl ended with ${code}: ${problems}`);
  return replyOf(output);
}

function replyOf(output: string): CurlReply {
  const end = output.indexOf("\r\n\r\n");
  const [line = "", ...lines] = output.slice(0, end).split("\r\n");
  const status = Number(line.split(" ")[1]);
  const body = output.slice(end + 4);
  // The reply comes behind the one that asks for the body.
  if (status === 100) return replyOf(body);
  const pairs = lines.map((header): [string, string] => {
    const [, name = "", value = ""] = /^([^:]*):\s*(.*)$/.exec(header) ?? [];
    return [name.toLowerCase(), value];
  });
  return { status, headers: Object.fromEntries(pairs), body };
}

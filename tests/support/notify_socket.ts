/** A notification socket as systemd has it, for tests of what is said there. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { within } from "./deadline.ts";
import { denoProgram } from "./programs.ts";
import { PROJECT_ROOT } from "./project_files.ts";

/** What stands in one datagram, by name. */
export type Notification = Readonly<Record<string, string>>;

/** A listener on an abstract socket, for which Deno has no name. */
const PYTHON = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + sys.argv[1][1:])
print("listening", flush=True)
while True: print(json.dumps(s.recv(65536).decode()), flush=True)
`;

export class NotifySocket {
  /** What `$NOTIFY_SOCKET` says. */
  readonly address: string;
  /** `$RUNTIME_DIRECTORY` of the service: empty before and after. */
  readonly runtimeFolder: string;
  readonly #folder: string;
  readonly #listener: ChildProcessByStdio<null, Readable, null>;
  readonly #received: Notification[] = [];
  #wake: () => void = () => undefined;

  private constructor(
    folder: string,
    address: string,
    listener: ChildProcessByStdio<null, Readable, null>,
  ) {
    this.#folder = folder;
    this.address = address;
    this.runtimeFolder = join(folder, "run");
    this.#listener = listener;
  }

  /** "abstract" needs python3. The caller closes it. */
  static async open(kind: "path" | "abstract" = "path"): Promise<NotifySocket> {
    const folder = await mkdtemp(join(tmpdir(), "broker-notify-test-"));
    await mkdir(join(folder, "run"));
    const address = kind === "path" ? join(folder, "notify") : `@broker-test-${process.pid}`;
    const [program, args] = kind === "path"
      ? [denoProgram(), ["run", "-A", "--unstable-net", "tests/support/notify_listener.ts"]]
      : ["python3", ["-c", PYTHON]];
    const listener = spawn(program, [...args, address], {
      cwd: PROJECT_ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const socket = new NotifySocket(folder, address, listener);
    const listening = new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      createInterface({ input: listener.stdout }).on("line", (line) => {
        if (line === "listening") resolve();
        else socket.#take(JSON.parse(line));
      });
    });
    await within(listening, "the notification socket");
    return socket;
  }

  /** The next one that says `name`; those before it are dropped. */
  async next(name: string): Promise<Notification> {
    return (await this.until(name)).at(-1) ?? {};
  }

  /** All up to the next one that says `name`. */
  async until(name: string): Promise<readonly Notification[]> {
    const come = async (): Promise<readonly Notification[]> => {
      while (true) {
        const index = this.#received.findIndex((each) => name in each);
        if (index >= 0) return this.#received.splice(0, index + 1);
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    };
    return await within(come(), `the notification ${name}`);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#listener.once("exit", resolve));
    this.#listener.kill("SIGKILL");
    await ended;
    await rm(this.#folder, { recursive: true });
  }

  #take(text: string): void {
    const lines = text.split("\n").filter((line) => line !== "");
    this.#received.push(Object.fromEntries(lines.map((line) => {
      const end = line.indexOf("=");
      return [line.slice(0, end), line.slice(end + 1)];
    })));
    this.#wake();
  }
}

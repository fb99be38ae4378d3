/**
 * A broker full of clients that have no network, as a program: `crowded_broker.ts CLIENTS`. It is the whole broker, on
 * free ports, without a disk; prints both ports as a line of JSON when the clients are there, and runs until it is ended.
 */
import process from "node:process";
import { runCommand } from "../../../src/app/cli.ts";
import { createServer } from "../../../src/app/broker_server.ts";
import {
  type ByteSocket,
  type ByteSocketHandler,
  loadRuntime,
  type Runtime,
} from "../../../src/runtime/mod.ts";
import { NullSocket } from "../null_socket.ts";
import { connectFrame, subscribeFrame } from "./frames.ts";

type Accept = (socket: ByteSocket) => ByteSocketHandler;

const ARGUMENTS = [
  "run",
  "--ephemeral",
  "--log-level",
  "error",
  "--set",
  "mqtt.sys_interval=0",
  "--set",
  "listener.0.max_connections=1000000",
];
/** What was written to so many is flushed at the end of a turn. */
const CLIENTS_PER_TURN = 1000;

const clients = Number(process.argv[2]);
const system = await loadRuntime();
let accept: Accept | undefined;

async function fill(): Promise<void> {
  if (accept === undefined) throw new Error("Cannot fill the broker: it does not listen");
  for (let index = 0; index < clients; index++) {
    const handler = accept(new NullSocket("Bun" in globalThis));
    handler.onBytes(connectFrame({ clientId: `client-${index}`, version: 5, keepAliveS: 0 }));
    handler.onBytes(subscribeFrame(1, [`site/${index}/state`], 1, 5));
    if (index % CLIENTS_PER_TURN === 0) {
      await new Promise<void>((resolve) => system.yieldTurn(resolve));
    }
  }
}

/** The ready line of the broker comes out when it is full. */
function announce(text: string): void {
  const report = /^ready (.*)$/m.exec(text)?.[1];
  if (report === undefined) return;
  const { listeners, http } = JSON.parse(report) as Record<string, { port: number }[]>;
  void fill().then(() => {
    const ports = { port: listeners?.[0]?.port, httpPort: http?.[0]?.port };
    process.stdout.write(`${JSON.stringify(ports)}\n`);
  });
}

const runtime = new Proxy(system, {
  get(target, name): unknown {
    if (name === "args") return ARGUMENTS;
    if (name === "writeStdout") return announce;
    if (name === "listenTcp") {
      return (options: Parameters<Runtime["listenTcp"]>[0], taker: Accept) => {
        accept = taker;
        return target.listenTcp(options, taker);
      };
    }
    const value: unknown = Reflect.get(target, name);
    return typeof value === "function" ? value.bind(target) : value;
  },
});
const programUrl = new URL("../../../main.ts", import.meta.url).href;
await runCommand(runtime, (context) => createServer(context, programUrl));

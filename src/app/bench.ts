import process from "node:process";
import { LatencyHistogram, SystemClock } from "../base/mod.ts";
import { CannotPublish, ClientLoop, type MqttClientHandler } from "../client/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { BenchArguments } from "./bench_arguments.ts";
import { BenchClients } from "./bench_clients.ts";
import { benchFilter, BenchLoad } from "./bench_load.ts";
import { connReport, loadReport } from "./bench_report.ts";
import { ClientErrors } from "./client_status.ts";
import { FileProblem, targetOf } from "./open_client.ts";

const EXIT_FINE = 0;
const EXIT_FAILED = 1;
/** How often is looked whether it is over, and messages leave that are due by the clock. */
const PACE_MS = 5;
const LIVE_MS = 500;
/** Without a message for so long, those that are missing are lost. */
const PATIENCE_MS = 3000;

/** The server refuses what the measurement needs. */
class BenchProblem extends Error {}

/** Measures, and prints what came of it; resolves with the exit status. */
export async function bench(runtime: Runtime, args: BenchArguments): Promise<number> {
  const loop = new ClientLoop(runtime, new SystemClock());
  const measurement = new Measurement(runtime, loop, args);
  try {
    const clients = new BenchClients(loop, args, await targetOf(runtime, args), runtime.pid);
    return args.mode === "conn"
      ? await measurement.connections(clients)
      : await measurement.messages(clients);
  } catch (error) {
    measurement.endLiveLine();
    const isPlain = error instanceof FileProblem || error instanceof BenchProblem ||
      error instanceof CannotPublish;
    const errors = new ClientErrors(runtime, false);
    if (isPlain) errors.say(`Error: ${error.message}`);
    else errors.explain(error);
    return EXIT_FAILED;
  } finally {
    loop.close();
  }
}

class Measurement {
  readonly #runtime: Runtime;
  readonly #loop: ClientLoop;
  readonly #args: BenchArguments;
  readonly #hasLiveLine: boolean;
  #liveLength = 0;
  #lastLiveMs = 0;
  #isInterrupted = false;

  constructor(runtime: Runtime, loop: ClientLoop, args: BenchArguments) {
    this.#runtime = runtime;
    this.#loop = loop;
    this.#args = args;
    this.#hasLiveLine = !args.isQuiet && process.stderr.isTTY === true;
    runtime.onSignal("SIGINT", () => this.#isInterrupted = true);
  }

  async messages(clients: BenchClients): Promise<number> {
    const args = this.#args;
    const load = new BenchLoad(this.#runtime, args);
    this.#live(`connecting ${args.publishers + args.subscribers} clients`);
    await clients.connect(load.subscribers, "s", async ({ handler, client, index }) => {
      if (await handler.subscribe(client, benchFilter(args, index), args.qos)) return;
      throw new BenchProblem(`The server refuses the subscription to ${benchFilter(args, index)}`);
    });
    await clients.connect(load.publishers, "p", ({ handler, client }) => handler.attach(client));
    const cpuBefore = this.#cpuMs();
    const startMs = performance.now();
    load.start();
    const endMs = await this.#watch(load, startMs);
    const cpuMs = this.#cpuMs() - cpuBefore;
    this.endLiveLine();
    const result = {
      sent: load.sent,
      received: load.received,
      expected: load.expected,
      outOfOrder: load.outOfOrder,
      duplicates: load.duplicates,
      refused: load.refused,
      lost: load.lost,
      latency: load.latency,
      seconds: (endMs - startMs) / 1000,
      cpuMs,
    };
    for (const each of [...load.publishers, ...load.subscribers]) each.disconnect();
    this.#runtime.writeStdout(loadReport(args, result));
    const { expected, received, outOfOrder, lost } = result;
    return received === expected && outOfOrder === 0 && lost === 0 ? EXIT_FINE : EXIT_FAILED;
  }

  /** Resolves with the time of the last message when it is over. */
  #watch(load: BenchLoad, startMs: number): Promise<number> {
    return new Promise((resolve) => {
      let [received, receivedMs] = [0, startMs];
      let isStopped = false;
      const look = (): void => {
        const nowMs = performance.now();
        load.pump();
        if (load.received !== received) [received, receivedMs] = [load.received, nowMs];
        this.#live(() => {
          const rate = received / (nowMs - startMs) * 1000;
          return `${load.sent} sent, ${received} received, ${Math.round(rate)}/s`;
        });
        const isTime = nowMs - startMs >= this.#args.durationMs || this.#isInterrupted;
        if (isTime && !isStopped) {
          isStopped = true;
          load.stop();
        }
        const isHopeless = nowMs - receivedMs >= PATIENCE_MS &&
          (isStopped || load.sent >= this.#args.messages || load.lost > 0);
        if (!load.isDone && !isHopeless) return;
        ticking.stop();
        resolve(receivedMs);
      };
      const ticking = this.#runtime.every(PACE_MS, look);
    });
  }

  async connections(clients: BenchClients): Promise<number> {
    const { connections: wanted, durationMs } = this.#args;
    const latency = new LatencyHistogram();
    let [connected, lost] = [0, 0];
    const cpuBefore = this.#cpuMs();
    const startMs = performance.now();
    const handler: MqttClientHandler = { onClose: () => void lost++ };
    const handlers = new Array<MqttClientHandler>(wanted).fill(handler);
    await clients.connect(handlers, "c", ({ tookMs }) => {
      connected++;
      latency.record(Math.round(tookMs * 1000));
      this.#live(() => `${connected} of ${wanted} connected`);
    });
    const seconds = (performance.now() - startMs) / 1000;
    const cpuMs = this.#cpuMs() - cpuBefore;
    this.#live(`${connected} connected`);
    await this.#hold(durationMs);
    this.endLiveLine();
    this.#runtime.writeStdout(
      connReport(this.#args, { connections: connected, seconds, lost, latency, cpuMs }),
    );
    return connected === wanted && lost === 0 ? EXIT_FINE : EXIT_FAILED;
  }

  #hold(ms: number): Promise<void> {
    const endMs = performance.now() + ms;
    return new Promise((resolve) => {
      const ticking = this.#runtime.every(PACE_MS, () => {
        if (performance.now() < endMs && !this.#isInterrupted) return;
        ticking.stop();
        resolve();
      });
    });
  }

  #cpuMs(): number {
    const { cpu } = this.#runtime.figures();
    return cpu === undefined ? 0 : cpu.userMs + cpu.systemMs;
  }

  /** The line that is written again and again, where a person can see it. */
  #live(text: string | (() => string)): void {
    if (!this.#hasLiveLine) return;
    const nowMs = performance.now();
    if (typeof text !== "string" && nowMs - this.#lastLiveMs < LIVE_MS) return;
    this.#lastLiveMs = nowMs;
    const line = typeof text === "string" ? text : text();
    this.#runtime.writeStderr(`\r${line.padEnd(this.#liveLength)}`);
    this.#liveLength = line.length;
  }

  endLiveLine(): void {
    if (this.#liveLength > 0) this.#runtime.writeStderr(`\r${" ".repeat(this.#liveLength)}\r`);
    this.#liveLength = 0;
  }
}

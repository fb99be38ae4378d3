import type { Logger } from "../base/mod.ts";
import type { IntervalHandle, NotifySocket, Runtime } from "../runtime/mod.ts";

export interface ServiceManagerContext {
  readonly runtime: Pick<Runtime, "pid" | "environment" | "openNotifySocket" | "every">;
  readonly logger: Logger;
}

/** The status line may be long, a datagram may not. */
const STATUS_CHARS_MAX = 500;
/** Of a timer. */
const INTERVAL_MS_MAX = 2 ** 31 - 1;

/**
 * What the service manager that started this program is told: systemd's `sd_notify` protocol. Nothing here rejects or
 * throws: a manager that cannot be told is logged, and the broker serves all the same.
 */
export class ServiceManager {
  readonly #context: ServiceManagerContext;
  readonly #socket: NotifySocket;
  /** Between two signs of life; undefined: nobody waits for them. */
  readonly #watchdogMs: number | undefined;
  #watchdog: IntervalHandle | undefined;
  /** One after the other, in the order of the calls. */
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;

  private constructor(
    context: ServiceManagerContext,
    socket: NotifySocket,
    watchdogMs: number | undefined,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#watchdogMs = watchdogMs;
  }

  /** Undefined where there is none (`$NOTIFY_SOCKET` is not set), or no way to it, which is logged. */
  static async find(context: ServiceManagerContext): Promise<ServiceManager | undefined> {
    const { runtime, logger } = context;
    const environment = runtime.environment();
    const address = environment["NOTIFY_SOCKET"];
    if (address === undefined || address === "") return undefined;
    try {
      const socket = await runtime.openNotifySocket(address);
      return new ServiceManager(context, socket, watchdogMs(environment, runtime.pid));
    } catch (error) {
      logger.warn(
        "Cannot reach the service manager, which will not learn when the broker is ready",
        {
          socket: address,
          error: textOf(error),
        },
      );
      return undefined;
    }
  }

  /** Only a line for people; the state stays what it is. */
  status(text: string): void {
    this.#send([statusLine(text)]);
  }

  /** All listeners accept; also after a reload. From now on there are signs of life, where they are asked for. */
  ready(text: string): void {
    this.#send(["READY=1", statusLine(text)]);
    if (this.#watchdogMs === undefined || this.#watchdog !== undefined) return;
    // A loop that hangs runs no timer: that is what the signs are for.
    this.#watchdog = this.#context.runtime.every(
      this.#watchdogMs,
      () => this.#send(["WATCHDOG=1"]),
    );
  }

  /** `ready` follows when it is over, however it went. */
  reloading(): void {
    const now = this.#socket.monotonicUs();
    const when = now === undefined ? [] : [`MONOTONIC_USEC=${now}`];
    this.#send(["RELOADING=1", ...when, statusLine("Reading the configuration again")]);
  }

  /** Signs of life go on: a stop that hangs is a hang, too. */
  stopping(): void {
    this.#send(["STOPPING=1", statusLine("Stopping")]);
  }

  /** Resolves when all is said. */
  async close(): Promise<void> {
    this.#watchdog?.stop();
    await this.#last;
    this.#socket.close();
  }

  #send(lines: readonly string[]): void {
    const text = `${lines.join("\n")}\n`;
    this.#last = this.#last.then(() => this.#socket.send(text)).catch((error: unknown) => {
      // Once is enough: a manager that is gone stays gone for every sign of life.
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#context.logger.warn("Cannot tell the service manager", { error: textOf(error) });
    });
  }
}

/** Half of the time after which a silent program is taken for dead. */
function watchdogMs(
  environment: Readonly<Record<string, string>>,
  pid: number,
): number | undefined {
  const { WATCHDOG_USEC: micros, WATCHDOG_PID: whose } = environment;
  if (micros === undefined || !/^[1-9]\d*$/.test(micros)) return undefined;
  // Meant for the program that started us, maybe.
  if (whose !== undefined && whose !== "" && whose !== String(pid)) return undefined;
  return Math.min(INTERVAL_MS_MAX, Math.max(1, Math.floor(Number(micros) / 2000)));
}

function statusLine(text: string): string {
  return `STATUS=${text.replaceAll(/\s+/g, " ").slice(0, STATUS_CHARS_MAX)}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

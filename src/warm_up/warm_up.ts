import { ALLOW_ALL } from "../auth/mod.ts";
import { type Clock, type Logger, SILENT_LOGGER } from "../base/mod.ts";
import { Broker, type BrokerRuntime, type LimitsOptions, type MqttOptions } from "../broker/mod.ts";
import { ReasonCode } from "../mqtt/mod.ts";
import type { AuthenticationResult, Authenticator, Credentials } from "../ports/mod.ts";
import type { Runtime, SocketListener } from "../runtime/mod.ts";
import { MemoryStore } from "../storage/mod.ts";
import type { ListenerTerms } from "../transport/mod.ts";
import { LOADS } from "./load.ts";
import { LoadRun } from "./load_run.ts";

/** What it asks of the runtime. */
export type WarmUpRuntime =
  & BrokerRuntime
  & Pick<Runtime, "listenTcp" | "connectTcp" | "collectGarbage" | "dropsCodeWithGarbage">;

export interface WarmUpParts {
  readonly runtime: WarmUpRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What a broker is like that nobody has configured: the loads must get through. */
  readonly options: MqttOptions;
  readonly limits: LimitsOptions;
  readonly version: string;
  /** Whether somebody needs the broker that all this is for; asked all the time. */
  readonly isWanted: () => boolean;
}

/** "done": all loads have run; "left": somebody came meanwhile; "failed": it could not be. */
export type WarmUpOutcome = "done" | "left" | "failed";

/** Two, or code would be compiled for the parts of the one, and again for those of the broker that counts. */
const BROKERS = 2;
/**
 * How long each load runs on each broker, time after time. What is compiled for one kind of message alone is thrown away
 * when the next kind comes, so that all have to be seen before much is compiled.
 */
const PASSES_MS = [1, 3, 8, 20];
/** Whoever has waited for the broker to be there comes now, and shall find it idle. */
const DELAY_MS = 50;
const TERMS: ListenerTerms = {
  name: "tcp:warm-up",
  type: "tcp",
  allowAnonymous: false,
  peerCertAs: "none",
  mountpoint: "",
};
const PASSWORD_BYTES = 18;

interface OpenBroker {
  readonly broker: Broker;
  readonly listener: SocketListener;
}

/**
 * Runs messages through brokers of its own, in this process and over this machine's loopback, so that the runtime has
 * compiled the ways of a message before the first client needs them. What goes through them meets nothing of the broker
 * that counts: no store, no access rules, no counters. Without the password of this run nobody can connect to them.
 */
export class WarmUp {
  readonly #parts: WarmUpParts;
  readonly #password: string;
  #isStopped = false;
  #endDelay: (() => void) | undefined;

  constructor(parts: WarmUpParts) {
    this.#parts = parts;
    const bytes = crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES));
    this.#password = btoa(String.fromCharCode(...bytes));
  }

  /** Ends what is running at its next step. */
  stop(): void {
    this.#isStopped = true;
    this.#endDelay?.();
  }

  /** Resolves when nothing of it is left. */
  async run(): Promise<WarmUpOutcome> {
    const { runtime, clock, logger } = this.#parts;
    if (!this.#isOver) await this.#delay();
    const startMs = clock.monotonicMs();
    const outcome = await this.#runBrokers();
    if (outcome !== "left" && !runtime.dropsCodeWithGarbage) runtime.collectGarbage();
    const tookMs = Math.round(clock.monotonicMs() - startMs);
    logger.debug("Warm-up has ended", { outcome, tookMs });
    return outcome;
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#parts.isWanted();
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => {
      const delay = this.#parts.runtime.every(DELAY_MS, () => this.#endDelay?.());
      this.#endDelay = () => {
        delay.stop();
        resolve();
      };
    });
  }

  async #runBrokers(): Promise<WarmUpOutcome> {
    const { runtime } = this.#parts;
    const open: OpenBroker[] = [];
    const runs: LoadRun[] = [];
    try {
      for (let i = 0; i < BROKERS && !this.#isOver; i++) open.push(await this.#openBroker());
      for (const { listener } of open) await this.#connectLoads(listener.port, runs);
      for (const [index, durationMs] of PASSES_MS.entries()) {
        // The last one sees to it that what is compiled stays so.
        if (runtime.dropsCodeWithGarbage && index === PASSES_MS.length - 1) {
          runtime.collectGarbage();
        }
        for (const run of runs) {
          if (this.#isOver) return "left";
          await run.run(durationMs);
        }
      }
      return this.#isOver ? "left" : "done";
    } catch (error) {
      this.#parts.logger.info("Cannot warm up", { error: String(error) });
      return "failed";
    } finally {
      for (const run of runs) run.close();
      for (const { broker, listener } of open) {
        listener.close();
        await broker.stop();
      }
    }
  }

  async #connectLoads(port: number, runs: LoadRun[]): Promise<void> {
    const { runtime, clock } = this.#parts;
    const isOver = (): boolean => this.#isOver;
    const target = { runtime, port, password: this.#password, clock, isOver };
    for (const [index, load] of LOADS.entries()) {
      const run = new LoadRun(load, String(index), target);
      runs.push(run);
      await run.connect();
    }
  }

  async #openBroker(): Promise<OpenBroker> {
    const broker = this.#createBroker();
    const listener = await this.#parts.runtime.listenTcp(
      { host: "127.0.0.1", port: 0, onError: (error) => broker.noteAcceptError(error) },
      (socket) => broker.accept(socket, { options: TERMS, release: () => {} }),
    );
    broker.start();
    return { broker, listener };
  }

  #createBroker(): Broker {
    const { runtime, clock, options, limits, version } = this.#parts;
    return new Broker({
      options: { ...options, sysIntervalMs: 0 },
      limits,
      version,
      runtime,
      clock,
      logger: SILENT_LOGGER,
      authenticator: new PasswordAuthenticator(this.#password),
      authorizer: ALLOW_ALL,
      store: new MemoryStore(),
    });
  }
}

/** Lets in whoever has the password. */
class PasswordAuthenticator implements Authenticator {
  readonly #password: string;

  constructor(password: string) {
    this.#password = password;
  }

  authenticate(
    { clientId, username, password, remoteAddress }: Credentials,
  ): AuthenticationResult {
    if (password === undefined || new TextDecoder().decode(password) !== this.#password) {
      return { denied: ReasonCode.badUserNameOrPassword };
    }
    return { clientId, username, remoteAddress, method: "internal" };
  }
}

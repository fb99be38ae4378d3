import { Prng } from "../base/mod.ts";
import type { EventSource } from "../ports/mod.ts";
import type { HostRules, SinkCounters } from "../sinks/mod.ts";
import { WebHook, type WebHookAlarms, type WebHookOptions } from "../web_hook/mod.ts";
import type { ServerContext } from "./application.ts";

export interface HookParts {
  readonly events: EventSource;
  readonly alarms: WebHookAlarms;
  /** As they are now. */
  readonly hosts: () => HostRules;
}

/** The web hook as the configuration has it, with the file that it names. */
export class ConfiguredWebHook {
  readonly #context: Pick<ServerContext, "runtime" | "clock" | "logger">;
  readonly #hook: WebHook;

  constructor(context: ServerContext, { events, alarms, hosts }: HookParts) {
    const { runtime, clock, logger } = context;
    this.#context = context;
    const prng = new Prng(clock.nowMs());
    this.#hook = new WebHook({ events, runtime, clock, logger, alarms, prng, hosts });
  }

  get counters(): Readonly<SinkCounters> {
    return this.#hook.counters;
  }

  /** Rejects where the file cannot be read. What is returned puts it into force. */
  async prepare(options: WebHookOptions): Promise<() => void> {
    const { caFile, isEnabled } = options;
    const ca = isEnabled && caFile !== undefined ? await this.#read(caFile) : undefined;
    return () => this.#hook.configure(options, ca);
  }

  async close(): Promise<void> {
    await this.#hook.close();
  }

  async #read(path: string): Promise<string> {
    try {
      return await this.#context.runtime.readTextFile(path);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot read web_hook.ca "${path}": ${text}`, { cause: error });
    }
  }
}

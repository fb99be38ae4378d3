import { type LineLogger, TurnQueue } from "../base/mod.ts";
import {
  ConfigError,
  type Configuration,
  effectiveSettings,
  fixedSettings,
  formatProblem,
  type LoadedConfig,
  planReload,
  type Reload,
  unusableSettings,
  usedValue,
  withChanges,
  writtenFiles,
} from "../config/mod.ts";
import {
  ManagementError,
  type SettingsChange,
  type SettingsService,
  type SettingValue,
  type SettingView,
} from "../management/mod.ts";
import type { JsonValue, RecordStore } from "../ports/mod.ts";
import type { ConfigResult } from "./configuration.ts";

/**
 * Makes ready what a configuration asks for, files included; what is returned puts it into force, and cannot fail.
 * Rejects with what is wrong, a line for each problem; nothing has changed then.
 */
export type Prepare = (configuration: Configuration) => Promise<() => void>;

/** Reads all sources anew, with what has been set through an API. */
export type ReadConfig = (stored: ReadonlyMap<string, unknown>) => Promise<ConfigResult>;

export interface SettingsParts {
  readonly read: ReadConfig;
  /** What the program was started with, without stored settings. */
  readonly loaded: LoadedConfig;
  readonly logger: LineLogger;
}

const KIND = "setting";
const NONE: ReadonlyMap<string, JsonValue> = new Map();

/**
 * The configuration of the running program: read again at SIGHUP, asked for and changed through the APIs. All or
 * nothing each time, one at a time, and what has to wait for a restart stays as it was in what is in force.
 */
export class Settings implements SettingsService {
  readonly #read: ReadConfig;
  readonly #logger: LineLogger;
  #inForce: LoadedConfig;
  /** What would be in force after a restart. */
  #latest: LoadedConfig;
  #records: RecordStore | undefined;
  #prepare: Prepare = () => Promise.resolve(() => undefined);
  /** Everything that reads or changes what is in force, one after the other. */
  readonly #turns = new TurnQueue();

  constructor({ read, loaded, logger }: SettingsParts) {
    this.#read = read;
    this.#inForce = this.#latest = loaded;
    this.#logger = logger;
  }

  get configuration(): Configuration {
    return this.#inForce.configuration;
  }

  /** `prepare` gets each configuration that is to come into force from now on. */
  follow(prepare: Prepare): void {
    this.#prepare = prepare;
  }

  /**
   * Adds what was set through an API; before anything is built from the configuration, and once. Rejects with every
   * problem where that does not fit to what file, environment and command line say now.
   */
  async open(records: RecordStore): Promise<Configuration> {
    this.#records = records;
    const stored = this.#stored();
    for (const key of records.list(KIND).keys()) {
      for (const problem of problemsOf(key)) {
        this.#logger.warn("A setting that was made through an API is passed over", { problem });
      }
    }
    if (stored.size === 0) return this.configuration;
    const { loaded, problems } = await this.#read(stored);
    if (loaded === undefined) {
      throw new Error(
        `Cannot use the settings that were made through an API: ${problems.join("; ")}; ` +
          "a --set of the same key wins over them",
      );
    }
    const known = new Set(this.configuration.warnings);
    this.#inForce = this.#latest = loaded;
    this.#logger.configure(loaded.configuration.log);
    for (const warning of loaded.configuration.warnings) {
      if (!known.has(warning)) this.#logger.warn(warning);
    }
    return this.configuration;
  }

  /** Reads all sources again and logs what came of it. */
  async reload(): Promise<void> {
    await this.#turns.run(async () => {
      try {
        const { loaded, problems } = await this.#read(this.#stored());
        if (loaded === undefined) return this.#refuse(problems);
        const plan = planReload(this.#inForce, loaded);
        const apply = await this.#prepare(plan.inForce.configuration);
        this.#putIntoForce(plan, loaded, apply, "Reloaded");
      } catch (error) {
        this.#refuse(problemTexts(error));
      }
    });
  }

  list(): Promise<readonly SettingView[]> {
    return Promise.resolve(effectiveSettings(this.#latest));
  }

  get(key: string): Promise<SettingView | undefined> {
    return Promise.resolve(effectiveSettings(this.#latest).find((view) => view.key === key));
  }

  inClear(key: string): Promise<SettingValue | undefined> {
    return Promise.resolve(usedValue(this.#latest, key) as SettingValue | undefined);
  }

  /** Every file that is named, in force or from the next start on, whether or not it is used. */
  files(): readonly string[] {
    return [this.#inForce, this.#latest].flatMap((loaded) => writtenFiles(loaded));
  }

  async change(
    changes: ReadonlyMap<string, SettingValue | undefined>,
  ): Promise<SettingsChange> {
    return await this.#turns.run(async () => {
      refuseIfAny("invalid", unusableSettings(changes));
      const stored = withChanges(this.#stored(), changes);
      const { loaded, problems } = await this.#read(stored);
      if (loaded === undefined) throw cannotChange("invalid", problems);
      refuseIfAny("conflict", fixedSettings(loaded, changes));
      const { plan, apply } = await this.#plan(loaded);
      await this.#keep(stored);
      this.#putIntoForce(plan, loaded, apply, "Settings changed");
      return { appliedNow: plan.appliedNow, afterRestart: plan.afterRestart };
    });
  }

  async #plan(
    loaded: LoadedConfig,
  ): Promise<{ readonly plan: Reload; readonly apply: () => void }> {
    try {
      const plan = planReload(this.#inForce, loaded);
      return { plan, apply: await this.#prepare(plan.inForce.configuration) };
    } catch (error) {
      throw cannotChange("invalid", problemTexts(error));
    }
  }

  #putIntoForce(plan: Reload, latest: LoadedConfig, apply: () => void, what: string): void {
    const { inForce, appliedNow, afterRestart } = plan;
    const known = new Set(this.#latest.configuration.warnings);
    this.#inForce = inForce;
    this.#latest = latest;
    apply();
    this.#logger.configure(inForce.configuration.log);
    this.#logger.info(what, { changed: appliedNow.join(",") || "nothing" });
    for (const warning of latest.configuration.warnings) {
      if (!known.has(warning)) this.#logger.warn(warning);
    }
    if (afterRestart.length > 0) {
      this.#logger.warn("Cannot change while running: a restart is needed", {
        keys: afterRestart.join(","),
      });
    }
  }

  #refuse(problems: readonly string[]): void {
    this.#logger.error("Cannot reload: the old configuration stays in force");
    for (const problem of problems) this.#logger.error(problem);
  }

  /** Without what this version of the program has no key for. */
  #stored(): ReadonlyMap<string, JsonValue> {
    const all = this.#records?.list(KIND) ?? NONE;
    return new Map([...all].filter(([key]) => problemsOf(key).length === 0));
  }

  /** Makes `wanted` what is stored, or leaves everything as it was and throws `ManagementError`. */
  async #keep(wanted: ReadonlyMap<string, unknown>): Promise<void> {
    const records = this.#records;
    if (records === undefined) {
      throw new ManagementError("unavailable", "Cannot change settings: the broker is starting");
    }
    const before = new Map(records.list(KIND));
    try {
      await rewrite(records, wanted as ReadonlyMap<string, JsonValue>);
    } catch (error) {
      // What was written of it must go, and cannot fail: it was there before.
      await rewrite(records, before).catch((again: unknown) =>
        this.#logger.error("Cannot undo a change of settings", { error: String(again) })
      );
      const reason = error instanceof Error ? error.message : String(error);
      throw new ManagementError("unavailable", `Cannot change settings: ${reason}`, {
        cause: error,
      });
    }
  }
}

async function rewrite(
  records: RecordStore,
  wanted: ReadonlyMap<string, JsonValue>,
): Promise<void> {
  const current = new Map(records.list(KIND));
  const changes: Promise<unknown>[] = [];
  for (const key of current.keys()) if (!wanted.has(key)) changes.push(records.remove(KIND, key));
  for (const [key, value] of wanted) {
    if (JSON.stringify(current.get(key)) !== JSON.stringify(value)) {
      changes.push(records.put(KIND, key, value));
    }
  }
  // All in one go, which the store commits as one: a part of it would be another configuration.
  for (const settled of await Promise.allSettled(changes)) {
    if (settled.status === "rejected") throw settled.reason;
  }
}

function problemsOf(key: string): readonly string[] {
  return unusableSettings(new Map([[key, undefined]]));
}

function refuseIfAny(code: "invalid" | "conflict", problems: readonly string[]): void {
  if (problems.length > 0) throw cannotChange(code, problems);
}

function cannotChange(
  code: "invalid" | "conflict",
  details: readonly string[],
): ManagementError {
  return new ManagementError(code, `Cannot change settings: ${details.join("; ")}`, { details });
}

function problemTexts(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems.map(formatProblem);
  return (error instanceof Error ? error.message : String(error)).split("\n");
}

import { TurnQueue } from "../base/mod.ts";
import { ManagementError } from "./management_error.ts";
import type { ModulesService, SettingsService } from "./service.ts";
import type { ModuleName, ModuleView, SettingValue } from "./views.ts";

const SWITCHED_OFF = "auth.switched_off";
const ACCOUNTS = "auth.accounts";

/** Modules that a setting of their own switches. */
const SWITCHES: ReadonlyMap<ModuleName, string> = new Map([
  ["delayed_publish", "mqtt.delayed_publish"],
  ["retainer", "mqtt.retainer"],
  ["rule_engine", "rule_engine.enable"],
  ["web_hook", "web_hook.enable"],
]);

/** The modules of `[auth]`, as `auth.switched_off` calls them, and a key that each has when it is configured. */
const AUTH_WORDS: ReadonlyMap<ModuleName, readonly [word: string, key: string]> = new Map([
  ["user_accounts", ["users", ACCOUNTS]],
  ["client_accounts", ["clients", ACCOUNTS]],
  ["jwt", ["jwt", "auth.jwt.from"]],
  ["http_auth", ["http", "auth.http.method"]],
]);
const NAMES: readonly ModuleName[] = [...AUTH_WORDS.keys(), "management", ...SWITCHES.keys()];

type Changes = ReadonlyMap<string, SettingValue | undefined>;

/** The modules of this program. Whether one is active is a setting, so that it outlives the program. */
export class LocalModules implements ModulesService {
  readonly #settings: SettingsService;
  /** One change at a time: each builds on what there is. */
  readonly #turns = new TurnQueue();

  constructor(settings: SettingsService) {
    this.#settings = settings;
  }

  list(): Promise<readonly ModuleView[]> {
    return Promise.all(
      NAMES.map(async (name) => ({ name, isActive: await this.#isActive(name) })),
    );
  }

  isActive(name: ModuleName): Promise<boolean> {
    return this.#isActive(name);
  }

  async activate(name: ModuleName): Promise<void> {
    await this.#turns.run(async () => {
      if (await this.#isActive(name)) throw stateError("activate", name, "it is active");
      const [, key = ""] = AUTH_WORDS.get(name) ?? [];
      if (!SWITCHES.has(name) && await this.#value(key) === undefined) {
        throw new ManagementError("invalid", `Cannot activate "${name}": it is not configured`);
      }
      await this.#change("activate", name, await this.#changesFor(name, true));
    });
  }

  async deactivate(name: ModuleName): Promise<void> {
    await this.#turns.run(async () => {
      if (name === "management") {
        throw new ManagementError("forbidden", `Cannot deactivate "${name}": it would end here`);
      }
      if (!await this.#isActive(name)) throw stateError("deactivate", name, "it is not active");
      await this.#change("deactivate", name, await this.#changesFor(name, false));
    });
  }

  async reread(name: ModuleName): Promise<void> {
    if (await this.#isActive(name)) {
      // Without any change of its own this reads all sources again.
      await this.#turns.run(() => this.#change("reread", name, new Map()));
    } else await this.activate(name);
  }

  async configure(name: ModuleName, changes: Changes): Promise<void> {
    await this.#turns.run(async () => {
      // What gets its first settings now would be active by that.
      const stays = AUTH_WORDS.has(name) && !await this.#isActive(name)
        ? await this.#changesFor(name, false)
        : [];
      await this.#change("configure", name, new Map([...changes, ...stays]));
    });
  }

  async #isActive(name: ModuleName): Promise<boolean> {
    if (name === "management") return true;
    const own = SWITCHES.get(name);
    if (own !== undefined) return await this.#value(own) === true;
    const [word, key] = AUTH_WORDS.get(name) ?? ["", ""];
    if ((await this.#switchedOff()).includes(word)) return false;
    const value = await this.#value(key);
    return value !== undefined && value !== false;
  }

  async #changesFor(name: ModuleName, isActive: boolean): Promise<Changes> {
    const own = SWITCHES.get(name);
    if (own !== undefined) return new Map([[own, isActive]]);
    const [word = "", key = ""] = AUTH_WORDS.get(name) ?? [];
    const off = new Set(await this.#switchedOff());
    if (isActive) off.delete(word);
    else off.add(word);
    const changes = new Map<string, SettingValue>();
    if (isActive && key === ACCOUNTS && await this.#value(ACCOUNTS) === false) {
      // That one key is for both tables; the other one stays as it is.
      off.add(word === "users" ? "clients" : "users");
      changes.set(ACCOUNTS, true);
    }
    return changes.set(SWITCHED_OFF, [...off]);
  }

  async #switchedOff(): Promise<readonly string[]> {
    const value = await this.#value(SWITCHED_OFF);
    return Array.isArray(value) ? value.map(String) : [];
  }

  async #value(key: string): Promise<SettingValue | undefined> {
    return (await this.#settings.get(key))?.value;
  }

  /** What the environment or the command line fixes is no conflict with the state of the module. */
  async #change(what: string, name: ModuleName, changes: Changes): Promise<void> {
    try {
      await this.#settings.change(changes);
    } catch (error) {
      if (!(error instanceof ManagementError) || error.code !== "conflict") throw error;
      throw new ManagementError("forbidden", `Cannot ${what} "${name}": ${error.message}`, {
        cause: error,
        details: error.details,
      });
    }
  }
}

function stateError(what: string, name: string, state: string): ManagementError {
  return new ManagementError("conflict", `Cannot ${what} "${name}": ${state}`);
}

import type { Clock } from "../base/mod.ts";
import type { JsonValue, RecordStore } from "../ports/mod.ts";
import { ManagementError } from "./management_error.ts";
import { createSecret, fingerprintOf, isSameSecret } from "./secret.ts";
import type { AppChange, AppsService } from "./service.ts";
import { storeError } from "./store_error.ts";
import type { AppView } from "./views.ts";

/** An application of the configuration. */
export interface ConfiguredApp {
  readonly id: string;
  readonly secret: string;
  readonly name: string;
  readonly description: string;
  readonly isEnabled: boolean;
  /** Seconds since 1970; undefined: never. */
  readonly expiresAtS: number | undefined;
}

export interface AppsParts {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** As the configuration has them now. */
  readonly configured: () => readonly ConfiguredApp[];
}

interface App extends ConfiguredApp {
  readonly createdAtMs: number;
}

/** What is stored: an application, or that one of the configuration was removed. */
interface Stored {
  readonly app: App | undefined;
  /** Fingerprint of the entry of the configuration that it stands for; "": for none. */
  readonly of: string;
}

const KIND = "app";
const APPS_MAX = 10_000;
const TEXT_LENGTH_MAX = 1000;

/**
 * Applications of the configuration, and those that came through an API. What an API changes of a configured one, or
 * removes, stays so until its entry in the configuration is another.
 */
export class LocalApps implements AppsService {
  readonly #parts: AppsParts;

  constructor(parts: AppsParts) {
    this.#parts = parts;
  }

  async list(): Promise<readonly AppView[]> {
    return [...(await this.#all()).values()].map(viewOf);
  }

  async get(id: string): Promise<AppView | undefined> {
    const app = await this.#find(id);
    return app === undefined ? undefined : viewOf(app);
  }

  async secretOf(id: string): Promise<string | undefined> {
    return (await this.#find(id))?.secret;
  }

  async add(id: string, secret: string | undefined, change: AppChange): Promise<string> {
    checkText("application", "id", id);
    if (id === "") {
      throw new ManagementError("invalid", "Cannot add an application: its id is empty");
    }
    const all = await this.#all();
    if (all.has(id)) {
      throw new ManagementError(
        "conflict",
        `Cannot add application ${JSON.stringify(id)}: there is one`,
      );
    }
    if (all.size >= APPS_MAX) {
      throw new ManagementError(
        "too-large",
        `Cannot add an application: there are ${all.size}, allowed are ${APPS_MAX}`,
      );
    }
    const given = secret === undefined || secret === "" ? createSecret() : secret;
    checkText("application", "secret", given);
    const blank = { id, secret: given, name: id, description: "", isEnabled: true };
    const createdAtMs = this.#parts.clock.nowMs();
    await this.#put(id, changed({ ...blank, expiresAtS: undefined, createdAtMs }, change));
    return given;
  }

  async change(id: string, change: AppChange): Promise<void> {
    const app = await this.#find(id);
    if (app === undefined) {
      throw new ManagementError(
        "not-found",
        `Cannot change application ${JSON.stringify(id)}: there is none`,
      );
    }
    await this.#put(id, changed(app, change));
  }

  async remove(id: string): Promise<boolean> {
    if (await this.#find(id) === undefined) return false;
    await this.#put(id, undefined);
    return true;
  }

  async authenticate(id: string, secret: string): Promise<boolean> {
    const app = await this.#find(id);
    const isSame = await isSameSecret(app?.secret ?? createSecret(), secret);
    if (app === undefined || !isSame || !app.isEnabled) return false;
    return app.expiresAtS === undefined || app.expiresAtS * 1000 >= this.#parts.clock.nowMs();
  }

  async #find(id: string): Promise<App | undefined> {
    const configured = this.#parts.configured().find((each) => each.id === id);
    const value = this.#parts.records.get(KIND, id);
    return await resolve(configured, value === undefined ? undefined : storedOf(value));
  }

  /** Those of the configuration first, each kind in its order. */
  async #all(): Promise<ReadonlyMap<string, App>> {
    const all = new Map<string, App>();
    const configured = this.#parts.configured();
    const stored = this.#parts.records.list(KIND);
    for (const id of new Set([...configured.map((each) => each.id), ...stored.keys()])) {
      const app = await this.#find(id);
      if (app !== undefined) all.set(id, app);
    }
    return all;
  }

  async #put(id: string, app: App | undefined): Promise<void> {
    const { records, configured } = this.#parts;
    const entry = configured().find((each) => each.id === id);
    try {
      if (app === undefined && entry === undefined) {
        await records.remove(KIND, id);
        return;
      }
      const of = entry === undefined ? "" : await entryFingerprint(entry);
      await records.put(KIND, id, { of, app: app === undefined ? null : recordOf(app) });
    } catch (error) {
      throw storeError("change an application", error);
    }
  }
}

/** What counts: the entry of the configuration, unless what is stored was made of just that one. */
async function resolve(
  configured: ConfiguredApp | undefined,
  stored: Stored | undefined,
): Promise<App | undefined> {
  if (configured === undefined) return stored?.app;
  if (stored !== undefined && stored.of === await entryFingerprint(configured)) return stored.app;
  return { ...configured, createdAtMs: 0 };
}

async function entryFingerprint(app: ConfiguredApp): Promise<string> {
  const { id, secret, name, description, isEnabled, expiresAtS } = app;
  return await fingerprintOf(
    JSON.stringify([id, secret, name, description, isEnabled, expiresAtS ?? null]),
  );
}

function changed(app: App, change: AppChange): App {
  const { name, description, isEnabled, expiresAtS } = change;
  checkText("application", "name", name ?? "");
  checkText("application", "description", description ?? "");
  if (typeof expiresAtS === "number" && !Number.isSafeInteger(expiresAtS)) {
    throw new ManagementError(
      "invalid",
      `Cannot change an application: it expires at ${expiresAtS}, allowed are whole seconds`,
    );
  }
  return {
    ...app,
    name: name ?? app.name,
    description: description ?? app.description,
    isEnabled: isEnabled ?? app.isEnabled,
    expiresAtS: expiresAtS === "never" ? undefined : expiresAtS ?? app.expiresAtS,
  };
}

/** Throws where a text is longer than anybody needs. */
export function checkText(whose: string, what: string, text: string): void {
  if (text.length <= TEXT_LENGTH_MAX) return;
  throw new ManagementError(
    "invalid",
    `Cannot use the ${what} of the ${whose}: ${text.length} characters, allowed are ${TEXT_LENGTH_MAX}`,
  );
}

function viewOf({ id, name, description, isEnabled, expiresAtS, createdAtMs }: App): AppView {
  return { id, name, description, isEnabled, expiresAtS, createdAtMs };
}

function recordOf(app: App): JsonValue {
  const { expiresAtS, ...rest } = app;
  return { ...rest, expiresAtS: expiresAtS ?? null };
}

/** What `recordOf` made; anything else is as if it were not there. */
function storedOf(value: JsonValue): Stored | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { of, app } = value as { readonly of?: JsonValue; readonly app?: JsonValue };
  if (typeof of !== "string") return undefined;
  if (app === null) return { of, app: undefined };
  if (typeof app !== "object" || Array.isArray(app)) return undefined;
  const { id, secret, name, description, isEnabled, expiresAtS, createdAtMs } = app as Partial<
    Record<keyof App, JsonValue>
  >;
  const isWhole = typeof id === "string" && typeof secret === "string" &&
    typeof name === "string" && typeof description === "string" &&
    typeof isEnabled === "boolean" && typeof createdAtMs === "number";
  if (!isWhole) return undefined;
  const expires = typeof expiresAtS === "number" ? expiresAtS : undefined;
  return {
    of,
    app: { id, secret, name, description, isEnabled, createdAtMs, expiresAtS: expires },
  };
}

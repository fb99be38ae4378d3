// deno-lint-ignore-file camelcase -- the spelling of the product
/** NanoMQ's API over the settings of the program, with a configuration file and a data directory of its own. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readWholeConfiguration } from "../../../../src/app/configuration.ts";
import { SettingFiles } from "../../../../src/app/kept_files.ts";
import { Settings } from "../../../../src/app/settings.ts";
import { LineLogger, SystemClock } from "../../../../src/base/mod.ts";
import type { Configuration } from "../../../../src/config/mod.ts";
import type { JsonValue, RecordStore } from "../../../../src/ports/mod.ts";
import { loadRuntime } from "../../../../src/runtime/mod.ts";
import { MemoryStore } from "../../../../src/storage/mod.ts";
import { type HttpRigOptions, withHttp } from "../../../support/http_rig.ts";
import { withFolder } from "../../../support/storage_rig.ts";

/** What a client gets of the configuration, as far as a test looks into it. */
export interface Document {
  readonly [part: string]: unknown;
  readonly tls: Readonly<Record<string, unknown>>;
  readonly websocket: Readonly<Record<string, unknown>>;
  readonly http_server: Readonly<Record<string, unknown>>;
  readonly bridge: Readonly<Record<string, unknown>>;
}

export interface Answered {
  readonly status: number;
  readonly code: number;
  /** The header; null: there is none. */
  readonly needsRestart: string | null;
}

export interface SettingsRig {
  readonly settings: Settings;
  readonly records: RecordStore;
  readonly log: string[];
  /** While true, the disk takes nothing. */
  isDiskFull: boolean;
  /** The last configuration that came into force. */
  inForce(): Configuration;
  read(): Promise<Document>;
  set(data: unknown): Promise<Answered>;
  /** The body of a request, as it is; `account`: "user:password". */
  ask(body: string, account?: string): Promise<[status: number, body: string]>;
  /** What is stored: every setting, and the texts of the files. */
  stored(): Promise<{ settings: Record<string, JsonValue>; files: string[] }>;
  /** The program anew, with what is stored. */
  restarted(): Promise<Configuration>;
}

export interface SettingsRigOptions {
  /** TOML. */
  readonly file?: string;
  readonly sets?: readonly string[];
  readonly http?: Partial<HttpRigOptions>;
}

export async function withSettings(
  { file = "", sets = [], http = {} }: SettingsRigOptions,
  use: (rig: SettingsRig) => Promise<void>,
): Promise<void> {
  await withFolder(async (dataDir) => {
    const runtime = await loadRuntime();
    const configFile = join(dataDir, "b.toml");
    await writeFile(configFile, file);
    const args = {
      configFile,
      sets,
      logLevel: undefined,
      logFormat: undefined,
      isEphemeral: false,
    };
    const log: string[] = [];
    const files = { readTextFile: runtime.readTextFile, environment: () => ({}) };
    const start = async (records: RecordStore): Promise<Settings> => {
      const { loaded, problems } = await readWholeConfiguration(files, args);
      if (loaded === undefined) throw new Error(problems.join("\n"));
      const settings = new Settings({
        read: (stored) => readWholeConfiguration(files, args, stored),
        loaded,
        logger: new LineLogger(
          loaded.configuration.log,
          new SystemClock(),
          (line) => void log.push(line),
        ),
      });
      await settings.open(records);
      return settings;
    };
    const { records } = new MemoryStore();
    const state = { isDiskFull: false };
    const put = records.put.bind(records);
    records.put = (...record) =>
      state.isDiskFull ? Promise.reject(new Error("the disk is full")) : put(...record);
    const settings = await start(records);
    const { configuration } = settings;
    const logger = new LineLogger(
      configuration.log,
      new SystemClock(),
      (line) => void log.push(line),
    );
    const kept = new SettingFiles({ dataDir, named: () => settings.files(), logger });
    const management = {
      settings: {
        list: () => settings.list(),
        inClear: (key: string) => settings.inClear(key),
        change: (changes: Parameters<Settings["change"]>[0]) => settings.change(changes),
      },
    };
    const options: HttpRigOptions = {
      apis: ["nanomq-v1"],
      management,
      api: configuration.http.apis,
      files: kept,
      logger,
      ...http,
    };
    await withHttp(options, async ({ url, server }) => {
      let inForce = configuration;
      settings.follow((next) =>
        Promise.resolve(() => {
          inForce = next;
          server.reconfigure(next.http);
        })
      );
      const send = async (body: string, account = "admin:public"): Promise<Response> =>
        await fetch(`${url}/api/v1`, {
          method: "POST",
          headers: { authorization: `Basic ${btoa(account)}` },
          body,
        });
      await use({
        settings,
        records,
        log,
        get isDiskFull() {
          return state.isDiskFull;
        },
        set isDiskFull(isFull: boolean) {
          state.isDiskFull = isFull;
        },
        inForce: () => inForce,
        read: async () => {
          const { http: { apis: { nanomqV1 } } } = inForce;
          const account = `${nanomqV1.username}:${nanomqV1.password}`;
          return (await (await send('{"req":11,"seq":1}', account)).json()).data as Document;
        },
        set: async (data) => {
          const { http: { apis: { nanomqV1 } } } = inForce;
          const account = `${nanomqV1.username}:${nanomqV1.password}`;
          const reply = await send(JSON.stringify({ req: 12, seq: 7, data }), account);
          const { code } = await reply.json();
          const needsRestart = reply.headers.get("x-restart-required");
          return { status: reply.status, code, needsRestart };
        },
        ask: async (body, account) => {
          const reply = await send(body, account);
          return [reply.status, await reply.text()];
        },
        stored: async () => {
          const folder = join(dataDir, "files");
          const names = await readdir(folder).catch(() => []);
          const texts = await Promise.all(
            names.map((name) => readFile(join(folder, name), "utf8")),
          );
          return { settings: Object.fromEntries(records.list("setting")), files: texts.sort() };
        },
        restarted: async () => (await start(records)).configuration,
      });
    });
  });
}

/** `{ "tls.enable": true }` as the API has it. */
export function nested(path: string, value: unknown): Record<string, unknown> {
  const [part = "", name] = path.split(".");
  return name === undefined ? { [part]: value } : { [part]: { [name]: value } };
}

export function memberOf(document: Document, path: string): unknown {
  const [part = "", name] = path.split(".");
  return name === undefined ? document[part] : (document[part] as Record<string, unknown>)[name];
}

import type { SettingValue, SettingView } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import type { MemberValues } from "./members.ts";

export type ListenerType = "tcp" | "tls" | "ws" | "wss";

/** Where clients of the product look for what is not configured here: its ports, on loopback. */
export const DEFAULT_BINDS: Readonly<Record<ListenerType, string>> = {
  tcp: "127.0.0.1:1883",
  tls: "127.0.0.1:8883",
  ws: "127.0.0.1:8083",
  wss: "127.0.0.1:8084",
};
const DEFAULT_PATH = "/mqtt";

/** The settings, and which of our listeners and bridges stand for the ones that the product has. */
export interface Places {
  readonly settings: ReadonlyMap<string, SettingView>;
  /** Index of the first `[[listener]]` of each type. */
  readonly listeners: ReadonlyMap<ListenerType, number>;
  readonly listenerCount: number;
  /** Index of the first `[[http]]` that serves this API; undefined: none is configured any more. */
  readonly http: number | undefined;
  /** Whether there is a `[[bridge]]`. */
  readonly hasBridge: boolean;
}

/** What is configured now: what is in force, or will be after a restart. */
export interface Configured extends Places {
  /** Secrets in clear. */
  readonly values: MemberValues;
}

export async function readConfigured(context: DialectContext): Promise<Configured> {
  const settings = new Map<string, SettingView>();
  for (const view of await context.management.settings.list()) settings.set(view.key, view);
  const places = placesOf(settings);
  const reader = new Reader(context, places);
  const values = new Map<string, unknown>([
    ["url", reader.url("nmq-tcp", "tcp")],
    ...reader.stored(),
    ["msq_len", reader.value("mqtt.max_queued_messages")],
    ["allow_anonymous", reader.isAnonymousAllowed()],
    ...await reader.tls(),
    ...reader.webSocket(),
    ...await reader.httpServer(),
    ...await reader.bridge(),
  ]);
  return { ...places, values };
}

function placesOf(settings: ReadonlyMap<string, SettingView>): Places {
  const listeners = new Map<ListenerType, number>();
  const listenerCount = countOf(settings, "listener", "type");
  for (let index = 0; index < listenerCount; index++) {
    const type = settings.get(`listener.${index}.type`)?.value as ListenerType;
    if (!listeners.has(type)) listeners.set(type, index);
  }
  const servers = [...Array(countOf(settings, "http", "bind")).keys()].filter((index) => {
    const apis = settings.get(`http.${index}.apis`)?.value;
    return Array.isArray(apis) && apis.includes("nanomq-v1");
  });
  const isEnabled = (index: number): boolean =>
    settings.get(`http.${index}.enable`)?.value !== false;
  return {
    settings,
    listeners,
    listenerCount,
    http: servers.find(isEnabled) ?? servers[0],
    hasBridge: countOf(settings, "bridge", "name") > 0,
  };
}

/** How many tables there are; `name` is one of their keys. */
function countOf(settings: ReadonlyMap<string, SettingView>, table: string, name: string): number {
  let count = 0;
  while (settings.has(`${table}.${count}.${name}`)) count++;
  return count;
}

type Entries = readonly (readonly [path: string, value: unknown])[];

/** Says what the product calls it. */
class Reader {
  readonly #context: DialectContext;
  readonly #places: Places;

  constructor(context: DialectContext, places: Places) {
    this.#context = context;
    this.#places = places;
  }

  /** Null: there is none. */
  value(key: string): SettingValue | null {
    const value = this.#places.settings.get(key)?.value;
    return value === undefined || value === "" ? null : value;
  }

  url(scheme: string, type: ListenerType): string {
    const index = this.#places.listeners.get(type);
    const bind = this.value(`listener.${index}.bind`) ?? DEFAULT_BINDS[type];
    if (type === "tcp" || type === "tls") return `${scheme}://${bind}`;
    return `${scheme}://${bind}${this.value(`listener.${index}.path`) ?? DEFAULT_PATH}`;
  }

  stored(): Entries {
    const names = [
      "num_taskq_thread",
      "max_taskq_thread",
      "parallel",
      "property_size",
      "qos_duration",
      "daemon",
    ];
    return names.map((name) => [name, this.value(`api.nanomq_v1.stored.${name}`)]);
  }

  /** Everywhere: one listener that refuses is enough for false. */
  isAnonymousAllowed(): boolean {
    const { settings, listenerCount } = this.#places;
    for (let index = 0; index < listenerCount; index++) {
      const isThere = settings.get(`listener.${index}.enable`)?.value === true;
      if (isThere && settings.get(`listener.${index}.allow_anonymous`)?.value === false) {
        return false;
      }
    }
    return true;
  }

  async tls(): Promise<Entries> {
    const { listeners } = this.#places;
    const material = `listener.${listeners.get("tls") ?? listeners.get("wss")}`;
    return [
      ["tls.enable", this.#isEnabled("tls")],
      ["tls.url", this.url("tls+nmq-tcp", "tls")],
      ["tls.key_password", await this.#clear(`${material}.key_password`)],
      ["tls.key", await this.#contents(`${material}.key`)],
      ["tls.cert", await this.#contents(`${material}.cert`)],
      ["tls.cacert", await this.#contents(`${material}.ca`)],
      ["tls.verify_peer", this.value(`${material}.verify_peer`) ?? false],
      ["tls.fail_if_no_peer_cert", this.value(`${material}.fail_if_no_peer_cert`) ?? false],
    ];
  }

  webSocket(): Entries {
    const type = this.#places.listeners.has("ws") ? "ws" : "wss";
    return [
      ["websocket.enable", this.#isEnabled(type)],
      ["websocket.url", this.url("nmq-ws", "ws")],
      ["websocket.tls_url", this.url("nmq-wss", "wss")],
    ];
  }

  async httpServer(): Promise<Entries> {
    const { http } = this.#places;
    const bind = this.value(`http.${http}.bind`);
    return [
      ["http_server.enable", http !== undefined && this.value(`http.${http}.enable`) !== false],
      ["http_server.port", bind === null ? null : Number(portOf(String(bind)))],
      ["http_server.username", this.value("api.nanomq_v1.username")],
      ["http_server.password", await this.#clear("api.nanomq_v1.password")],
      ["http_server.auth_type", this.value("api.nanomq_v1.auth_type")],
    ];
  }

  async bridge(): Promise<Entries> {
    const { hasBridge } = this.#places;
    const bridge = (name: string): SettingValue | null => this.value(`bridge.0.${name}`);
    return [
      ["bridge.bridge_mode", hasBridge && bridge("enable") !== false],
      ["bridge.address", bridge("address")],
      ["bridge.proto_ver", bridge("proto_ver") ?? 4],
      ["bridge.clientid", bridge("client_id")],
      ["bridge.clean_start", bridge("clean_start") ?? true],
      ["bridge.username", bridge("username")],
      ["bridge.password", await this.#clear("bridge.0.password")],
      // In seconds, however it is written.
      ["bridge.keepalive", hasBridge ? await this.#clear("bridge.0.keep_alive") : 60],
      ["bridge.parallel", bridge("parallel") ?? 2],
      ["bridge.forwards", bridge("forwards") ?? []],
      ["bridge.subscription", this.#subscription()],
    ];
  }

  #subscription(): readonly unknown[] {
    const { settings } = this.#places;
    const rows: unknown[] = [];
    for (let index = 0;; index++) {
      const row = `bridge.0.subscription.${index}`;
      const topic = settings.get(`${row}.topic`);
      if (topic === undefined) return rows;
      rows.push({ topic: topic.value, qos: settings.get(`${row}.qos`)?.value });
    }
  }

  #isEnabled(type: ListenerType): boolean {
    const index = this.#places.listeners.get(type);
    return index !== undefined && this.value(`listener.${index}.enable`) === true;
  }

  async #clear(key: string): Promise<SettingValue | null> {
    const value = await this.#context.management.settings.inClear(key);
    return value === undefined || value === "" ? null : value;
  }

  /** What is in the file that the setting names. */
  async #contents(key: string): Promise<string | null> {
    const file = this.value(key);
    if (typeof file !== "string") return null;
    try {
      return await this.#context.readTextFile(file);
    } catch (error) {
      // One of a listener that is not enabled need not be there.
      this.#context.logger.warn("Cannot show the contents of a file of the configuration", {
        key,
        file,
        error: error instanceof Error ? error : new Error(String(error)),
      });
      return null;
    }
  }
}

/** Behind the last colon: an address may have some. */
export function portOf(bind: string): string {
  return bind.slice(bind.lastIndexOf(":") + 1);
}

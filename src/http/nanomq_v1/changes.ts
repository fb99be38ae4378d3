import type { SettingValue } from "../../management/mod.ts";
import { type Configured, DEFAULT_BINDS, type ListenerType, portOf } from "./configuration.ts";
import { type MemberValues, parseAddress, wrong } from "./members.ts";
import { badPart } from "./tls_material.ts";

/** Puts text into a file and resolves with its path. */
export type Keep = (text: string) => Promise<string>;
export type SettingChanges = ReadonlyMap<string, SettingValue>;

/** Members that the product has and that stand in a section of their own here. */
const STORED: readonly string[] = [
  "num_taskq_thread",
  "max_taskq_thread",
  "parallel",
  "property_size",
  "qos_duration",
  "daemon",
];
/** Members of `tls` and keys of a listener. */
const TLS_KEYS: readonly (readonly [member: string, key: string])[] = [
  ["tls.key_password", "key_password"],
  ["tls.key", "key"],
  ["tls.cert", "cert"],
  ["tls.cacert", "ca"],
  ["tls.verify_peer", "verify_peer"],
  ["tls.fail_if_no_peer_cert", "fail_if_no_peer_cert"],
];
const TLS_FILES: ReadonlySet<string> = new Set(["key", "cert", "ca"]);
const API_KEYS: readonly string[] = ["username", "password", "auth_type"];
/** Members of `bridge` and keys of `[[bridge]]`. */
const BRIDGE_KEYS: readonly (readonly [member: string, key: string])[] = [
  ["bridge_mode", "enable"],
  ["address", "address"],
  ["proto_ver", "proto_ver"],
  ["clientid", "client_id"],
  ["clean_start", "clean_start"],
  ["username", "username"],
  ["password", "password"],
  ["keepalive", "keep_alive"],
  ["parallel", "parallel"],
  ["forwards", "forwards"],
  ["subscription", "subscription"],
];
/** Of the bridge that is made where none is configured. */
const BRIDGE_NAME = "nanomq";

/**
 * The settings that make the configuration what is wanted. Contents of files are kept with `keep`. Throws `ResultError`
 * for TLS that could not be opened with; all else is for whoever changes the settings to judge.
 */
export async function changesFor(
  configured: Configured,
  wanted: MemberValues,
  keep: Keep,
): Promise<SettingChanges> {
  checkTls(configured, wanted);
  const changes = new Changes(configured, wanted);
  for (const name of STORED) changes.copy(name, `api.nanomq_v1.stored.${name}`);
  changes.copy("msq_len", "mqtt.max_queued_messages");
  for (const name of API_KEYS) changes.copy(`http_server.${name}`, `api.nanomq_v1.${name}`);
  changes.anonymous();
  changes.address("url", "tcp");
  changes.webSocket();
  await changes.tls(keep);
  changes.secureWebSocket();
  changes.webServer();
  changes.bridge();
  return changes.all;
}

/** Whether listeners could be opened with what there would be. What is not asked for is as it was. */
function checkTls({ values }: Configured, wanted: MemberValues): void {
  const next = <T>(member: string): T => (wanted.has(member) ? wanted : values).get(member) as T;
  const isConcerned = ["tls.enable", ...TLS_KEYS.map(([member]) => member)].some((member) =>
    wanted.has(member)
  );
  if (!isConcerned || next("tls.enable") !== true) return;
  const part = badPart({
    cert: next("tls.cert"),
    key: next("tls.key"),
    keyPassword: next("tls.key_password"),
    ca: next("tls.cacert"),
  });
  if (part !== undefined) throw wrong(`tls.${part}`);
}

class Changes {
  readonly all = new Map<string, SettingValue>();
  readonly #configured: Configured;
  readonly #wanted: MemberValues;
  readonly #listeners: Map<ListenerType, number>;
  #listenerCount: number;

  constructor(configured: Configured, wanted: MemberValues) {
    this.#configured = configured;
    this.#wanted = wanted;
    this.#listeners = new Map(configured.listeners);
    this.#listenerCount = configured.listenerCount;
  }

  /** Where the member is wanted, gives the key its value; null is empty text, which wins over what the file says. */
  copy(member: string, key: string): void {
    if (!this.#wanted.has(member)) return;
    this.all.set(key, (this.#wanted.get(member) ?? "") as SettingValue);
  }

  /** For all, as it is one switch: also where a listener says otherwise. */
  anonymous(): void {
    const { settings } = this.#configured;
    const isAllowed = this.#wanted.get("allow_anonymous");
    if (typeof isAllowed !== "boolean") return;
    const general = settings.get("auth.allow_anonymous");
    if (general?.origin === "default" || general?.value !== isAllowed) {
      this.all.set("auth.allow_anonymous", isAllowed);
    }
    for (let index = 0; index < this.#configured.listenerCount; index++) {
      const key = `listener.${index}.allow_anonymous`;
      const own = settings.get(key);
      if (own === undefined || own.origin === "default" || own.value === isAllowed) continue;
      this.all.set(key, isAllowed);
    }
  }

  /** Address and, where it has one, path of a listener. */
  address(member: string, type: ListenerType): void {
    const address = parseAddress(String(this.#wanted.get(member) ?? ""));
    if (address === undefined) return;
    const index = this.#ensure(type, type === "tcp");
    this.all.set(`listener.${index}.bind`, address.bind);
    if (address.path !== "") this.all.set(`listener.${index}.path`, address.path);
  }

  webSocket(): void {
    this.address("websocket.url", "ws");
    const isWanted = this.#wanted.get("websocket.enable");
    if (typeof isWanted === "boolean") this.#enable("ws", isWanted);
  }

  async tls(keep: Keep): Promise<void> {
    this.address("tls.url", "tls");
    const isWanted = this.#wanted.get("tls.enable");
    if (typeof isWanted === "boolean") this.#enable("tls", isWanted);
    for (const [member, key] of TLS_KEYS) {
      if (!this.#wanted.has(member)) continue;
      const value = (this.#wanted.get(member) ?? "") as SettingValue;
      const isContents = TLS_FILES.has(key) && typeof value === "string" && value !== "";
      const setting = isContents ? await keep(value) : value;
      this.all.set(`listener.${this.#ensure("tls", false)}.${key}`, setting);
      const secure = this.#listeners.get("wss");
      if (secure !== undefined) this.all.set(`listener.${secure}.${key}`, setting);
    }
  }

  /** There where both TLS and WebSocket are, with the certificate of `tls`. */
  secureWebSocket(): void {
    const { values } = this.#configured;
    const isOn = (member: string): boolean =>
      (this.#wanted.has(member) ? this.#wanted : values).get(member) === true;
    const isWanted = isOn("tls.enable") && isOn("websocket.enable");
    const isSwitched = this.#wanted.has("tls.enable") || this.#wanted.has("websocket.enable");
    const isNew = !this.#listeners.has("wss");
    const isAsked = this.#wanted.has("websocket.tls_url") || (isSwitched && isWanted);
    if (isNew && !isAsked) return;
    const index = this.#ensure("wss", false);
    this.address("websocket.tls_url", "wss");
    if (isNew || isSwitched) this.all.set(`listener.${index}.enable`, isWanted);
    if (isNew) this.#copyMaterial(index);
  }

  webServer(): void {
    const { http, settings } = this.#configured;
    const isConcerned = ["http_server.port", "http_server.enable"].find((member) =>
      this.#wanted.has(member)
    );
    if (isConcerned === undefined) return;
    if (http === undefined) throw wrong(isConcerned);
    this.copy("http_server.enable", `http.${http}.enable`);
    const port = this.#wanted.get("http_server.port");
    const bind = String(settings.get(`http.${http}.bind`)?.value);
    if (port === undefined) return;
    this.all.set(`http.${http}.bind`, `${bind.slice(0, -portOf(bind).length)}${port}`);
  }

  bridge(): void {
    const members = BRIDGE_KEYS.filter(([member]) => this.#wanted.has(`bridge.${member}`));
    if (members.length === 0) return;
    if (!this.#configured.hasBridge) {
      this.all.set("bridge.0.name", BRIDGE_NAME);
      this.all.set("bridge.0.enable", false);
    }
    for (const [member, key] of members) this.copy(`bridge.${member}`, `bridge.0.${key}`);
    const rows = this.#wanted.get("bridge.subscription") as readonly Row[] | undefined;
    if (rows === undefined) return;
    this.all.set("bridge.0.subscription", rows.map(({ topic, qos }) => ({ topic, qos })));
  }

  #enable(type: ListenerType, isEnabled: boolean): void {
    this.all.set(`listener.${this.#ensure(type, false)}.enable`, isEnabled);
  }

  /** Index of the first listener of the type, behind all others where there was none. */
  #ensure(type: ListenerType, isEnabled: boolean): number {
    const found = this.#listeners.get(type);
    if (found !== undefined) return found;
    const index = this.#listenerCount++;
    this.#listeners.set(type, index);
    this.all.set(`listener.${index}.type`, type);
    this.all.set(`listener.${index}.bind`, DEFAULT_BINDS[type]);
    this.all.set(`listener.${index}.enable`, isEnabled);
    return index;
  }

  /** From the listener of type `tls`, as it will be. */
  #copyMaterial(index: number): void {
    const from = this.#listeners.get("tls");
    const { settings, values } = this.#configured;
    if (from === undefined) return;
    for (const [member, key] of TLS_KEYS) {
      const source = `listener.${from}.${key}`;
      const isSecret = member === "tls.key_password";
      const value = this.all.get(source) ??
        (isSecret ? values.get(member) as string | null : settings.get(source)?.value);
      if (value !== undefined && value !== null) this.all.set(`listener.${index}.${key}`, value);
    }
  }
}

interface Row {
  readonly topic: string;
  readonly qos: number;
}

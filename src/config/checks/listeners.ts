import { formatBind, isLoopback } from "../address.ts";
import type { KeyPath } from "../key_path.ts";
import type { Written } from "../root.ts";
import type { ListenerKeys } from "../sections/listener.ts";
import { type Complain, complainOfTwins } from "./complain.ts";
import { checkNoTls, checkTls } from "./tls.ts";

/** What must fit together in and between the `[[listener]]` tables. */
export function checkListeners(complain: Complain, { listeners, http }: Written): void {
  for (const [index, listener] of listeners.entries()) {
    if (!listener.isEnabled) continue;
    const path = ["listener", index];
    checkBind(complain, path, listener);
    if (hasTls(listener)) checkTls(complain, path, `type "${listener.type}"`, listener);
    else checkNoTls(complain, path, `type "${listener.type}"`, listener);
    checkPeerCertificate(complain, path, listener);
    checkWebSocket(complain, path, listener);
    checkProxies(complain, path, listener);
  }
  complainOfTwins(complain, listeners.map((_, index) => listenerName(listeners, index)), {
    nameOf: (name) => name,
    pathOf: (index) => ["listener", index, "name"],
  });
  const places = <T extends Bound>(name: string, each: readonly T[]): readonly Place[] =>
    each.map(({ bind, isEnabled }, index) => ({ bind, isEnabled, path: [name, index, "bind"] }));
  checkAddresses(
    complain,
    [...places("listener", listeners), ...places("http", http)].filter((each) => each.isEnabled),
  );
  if (listeners.length > 0 && !listeners.some(({ isEnabled }) => isEnabled)) {
    complain(
      ["listener", 0, "enable"],
      "false, as in every other listener",
      "one listener at least that is enabled",
    );
  }
}

/** `tcp:default` for the first of a type, then by its place in the file, unless it has a name. */
export function listenerName(listeners: readonly ListenerKeys[], index: number): string {
  const { type, name } = listeners[index] as ListenerKeys;
  if (name !== undefined) return name.includes(":") ? name : `${type}:${name}`;
  const isFirst = listeners.findIndex((each) => each.type === type) === index;
  return isFirst ? `${type}:default` : `${type}:${index + 1}`;
}

export function hasTls({ type }: ListenerKeys): boolean {
  return type === "tls" || type === "wss";
}

/** Whether only this machine can reach it. */
export function isLocal({ bind }: ListenerKeys): boolean {
  return bind.socketPath !== undefined || isLoopback(bind.host);
}

type Bound = Pick<ListenerKeys, "bind" | "isEnabled">;

interface Place extends Bound {
  readonly path: KeyPath;
}

function checkBind(complain: Complain, path: KeyPath, { type, bind }: ListenerKeys): void {
  const isPath = bind.socketPath !== undefined;
  if (isPath === (type === "unix")) return;
  const allowed = isPath
    ? `"host:port", or type = "unix"`
    : 'the path of a socket, such as "/run/broker.sock", or another type';
  complain([...path, "bind"], `"${formatBind(bind)}" with type "${type}"`, allowed);
}

function checkPeerCertificate(
  complain: Complain,
  path: KeyPath,
  { peerCertAs, verifyPeer, proxyProtocol }: ListenerKeys,
): void {
  // A proxy that speaks TLS with the clients says what it saw.
  if (peerCertAs === "none" || verifyPeer || proxyProtocol) return;
  // Anybody can write any name into a certificate that nobody checks.
  complain(
    [...path, "peer_cert_as"],
    `"${peerCertAs}" without verify_peer`,
    '"none", or verify_peer = true, or proxy_protocol = true',
  );
}

function checkWebSocket(
  complain: Complain,
  path: KeyPath,
  { type, origins }: ListenerKeys,
): void {
  if (type === "ws" || type === "wss" || origins.length === 0) return;
  complain(
    [...path, "origins"],
    `a key that type "${type}" has no use for`,
    'this key with type "ws" or "wss"',
  );
}

function checkProxies(complain: Complain, path: KeyPath, listener: ListenerKeys): void {
  const { type, proxyProtocol, trustedProxies } = listener;
  const isWebSocket = type === "ws" || type === "wss";
  if (trustedProxies.length > 0 && !proxyProtocol && !isWebSocket) {
    complain(
      [...path, "trusted_proxies"],
      "addresses",
      'addresses only with proxy_protocol = true, or with type "ws" or "wss"',
    );
  }
  if (!proxyProtocol || trustedProxies.length > 0 || isLocal(listener)) return;
  // Otherwise whoever connects may claim any address.
  complain(
    [...path, "proxy_protocol"],
    "true without trusted_proxies",
    'trusted_proxies, the addresses of the proxies, such as ["10.0.0.0/8"]',
  );
}

function checkAddresses(
  complain: Complain,
  binds: readonly Place[],
): void {
  const taken = new Map<string, KeyPath>();
  for (const { bind, path } of binds) {
    if (bind.port === 0 && bind.socketPath === undefined) continue;
    const text = formatBind(bind);
    const other = taken.get(text);
    if (other === undefined) taken.set(text, path);
    else {
      complain(
        path,
        `"${text}", which ${other.join(".")} has already`,
        "an address and port for each listener, or port 0",
      );
    }
  }
}

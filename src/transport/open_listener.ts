import type { Clock, Logger } from "../base/mod.ts";
import type {
  ByteSocket,
  ByteSocketHandler,
  Runtime,
  SocketListener,
  TlsHandler,
} from "../runtime/mod.ts";
import { Gate, type Visitor } from "./gate.ts";
import { type Listener, type ListenerOptions, type ListenerOwner, withChange } from "./listener.ts";
import { ProxiedSocket } from "./proxied_socket.ts";
import { TlsFiles } from "./tls_files.ts";
import { TrustedProxies } from "./trusted_proxies.ts";
import { ServerOpening } from "./opening.ts";
import { WebSocketSocket } from "./websocket.ts";

/** What listeners ask of the program. */
export interface ListenerEnvironment {
  readonly runtime: Pick<
    Runtime,
    | "listenTcp"
    | "listenUnix"
    | "listenTls"
    | "removeStaleSocket"
    | "createTlsContext"
    | "fileStamp"
    | "readTextFile"
    | "every"
  >;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A listener whose files have been read and found good. Nothing is bound yet. */
export interface PreparedListener {
  /** Rejects with the system's error when the address cannot be bound. */
  open(owner: ListenerOwner): Promise<Listener>;
}

/** Rejects with the key and the reason when this listener cannot be, here or with these files. */
export async function prepareListener(
  environment: ListenerEnvironment,
  options: ListenerOptions,
): Promise<PreparedListener> {
  const files = options.tls === undefined ? undefined : await TlsFiles.open({
    context: environment,
    options: options.tls,
    owner: options.name,
    onChange: () => {},
  });
  return { open: (owner) => openListener(environment, options, files, owner) };
}

/** What a connection gets that is turned away: nothing it sends is looked at. */
const TURNED_AWAY: ByteSocketHandler = Object.freeze({
  onBytes: () => {},
  onProgress: () => {},
  onWritable: () => {},
  onClose: () => {},
});

async function openListener(
  environment: ListenerEnvironment,
  options: ListenerOptions,
  files: TlsFiles | undefined,
  owner: ListenerOwner,
): Promise<Listener> {
  const gate = new Gate(options, environment.clock);
  const door = new Door(options, gate, owner);
  const bound = await bind(environment, options, files, door);
  files?.watch();
  return {
    get options() {
      return gate.options;
    },
    figures: gate,
    url: urlOf(options, bound.port),
    port: bound.port,
    change: (next) => gate.change(withChange(gate.options, next)),
    reload: () => files?.reload(),
    close: () => {
      files?.close();
      bound.close();
    },
  };
}

async function bind(
  { runtime }: ListenerEnvironment,
  { host, port, socketPath, socketMode }: ListenerOptions,
  files: TlsFiles | undefined,
  door: Door,
): Promise<SocketListener> {
  const onError = (error: unknown): void => door.owner.noteAcceptError(error);
  const accept = (socket: ByteSocket): TlsHandler => door.accept(socket);
  if (socketPath !== undefined) {
    await runtime.removeStaleSocket(socketPath);
    return await runtime.listenUnix({ path: socketPath, mode: socketMode, onError }, accept);
  }
  if (files === undefined) return await runtime.listenTcp({ host, port, onError }, accept);
  const onHandshakeError = (address: string, reason: string, isSilent: boolean): void =>
    door.noteFailure(address, reason, isSilent);
  const context = (): TlsFiles["current"] => files.current;
  return await runtime.listenTls({ host, port, onError, onHandshakeError, context }, accept);
}

const SCHEMES = Object.freeze({ tcp: "mqtt", tls: "mqtts", ws: "ws", wss: "wss", unix: "unix" });

function urlOf({ type, host, socketPath, wsPath }: ListenerOptions, port: number): string {
  if (socketPath !== undefined) return `unix:${socketPath}`;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  const path = type === "ws" || type === "wss" ? wsPath : "";
  return `${SCHEMES[type]}://${shownHost}:${port}${path}`;
}

/** Where connections come in: what each is made of is decided once, here. */
class Door {
  readonly owner: ListenerOwner;
  readonly #options: ListenerOptions;
  readonly #gate: Gate;
  readonly #isTls: boolean;
  readonly #isWebSocket: boolean;
  /** Whose PROXY header is read. */
  readonly #headerProxies: TrustedProxies | undefined;
  /** Whose `X-Forwarded-For` is read. */
  readonly #httpProxies: TrustedProxies | undefined;

  constructor(options: ListenerOptions, gate: Gate, owner: ListenerOwner) {
    const { type, proxyProtocol, trustedProxies } = options;
    this.owner = owner;
    this.#options = options;
    this.#gate = gate;
    this.#isTls = options.tls !== undefined;
    this.#isWebSocket = type === "ws" || type === "wss";
    if (proxyProtocol) this.#headerProxies = TrustedProxies.orThisMachine(trustedProxies);
    else if (this.#isWebSocket && trustedProxies.length > 0) {
      this.#httpProxies = new TrustedProxies(trustedProxies);
    }
  }

  accept(socket: ByteSocket): TlsHandler {
    const visitor = this.#gate.enter();
    if (visitor === undefined) return this.#turnAway(socket);
    if (this.#headerProxies === undefined && !this.#isWebSocket) {
      const { remoteAddress } = socket;
      if (!this.owner.admits(remoteAddress)) return drop(socket, visitor);
      if (!visitor.comesFrom(remoteAddress)) return this.#sendAway(socket, visitor);
      return this.owner.accept(socket, visitor);
    }
    return this.#acceptLayered(socket, visitor);
  }

  noteFailure(address: string, reason: string, isSilent: boolean): void {
    this.#gate.failedHandshakes++;
    this.owner.noteFailedHandshake(this.#options, address, reason, isSilent);
  }

  #acceptLayered(socket: ByteSocket, visitor: Visitor): TlsHandler {
    const { remoteAddress } = socket;
    if (this.#headerProxies?.has(remoteAddress) === false) {
      this.noteFailure(remoteAddress, "only trusted proxies may connect here", false);
      return drop(socket, visitor);
    }
    const isAddressSure = this.#headerProxies === undefined && this.#httpProxies === undefined;
    if (isAddressSure && !this.owner.admits(remoteAddress)) return drop(socket, visitor);
    if (isAddressSure && !visitor.comesFrom(remoteAddress)) return this.#sendAway(socket, visitor);
    const proxied = this.#headerProxies && this.#proxied(socket, visitor);
    const webSocket = this.#isWebSocket
      ? this.#webSocket(proxied ?? socket, visitor, proxied?.preamble)
      : undefined;
    if (webSocket !== undefined) {
      proxied?.attach(webSocket);
      webSocket.attach(this.owner.accept(webSocket, visitor));
    } else if (proxied !== undefined) proxied.attach(this.owner.accept(proxied, visitor));
    return proxied ?? webSocket ?? TURNED_AWAY;
  }

  #proxied(socket: ByteSocket, visitor: Visitor): ProxiedSocket {
    const { remoteAddress } = socket;
    return new ProxiedSocket(socket, {
      isBelowTls: this.#isTls,
      onAddress: (address) => this.#admit(visitor, address),
      onFailure: (reason) => this.noteFailure(remoteAddress, reason, false),
    });
  }

  #webSocket(
    socket: ByteSocket,
    visitor: Visitor,
    preamble: TlsHandler["preamble"],
  ): WebSocketSocket {
    const { wsPath: path, origins } = this.#options;
    const proxies = this.#httpProxies;
    const opening = new ServerOpening(socket, {
      path,
      origins,
      clientBehind: proxies && ((address, header) => proxies.clientBehind(address, header)),
      onAddress: (address) => this.#admit(visitor, address),
      onFailure: (reason) => this.noteFailure(socket.remoteAddress, reason, false),
    });
    return new WebSocketSocket(socket, opening, preamble);
  }

  #admit(visitor: Visitor, address: string): boolean {
    if (!this.owner.admits(address)) return false;
    if (visitor.comesFrom(address)) return true;
    this.owner.noteRefusedConnection();
    return false;
  }

  /** There are enough from its address. */
  #sendAway(socket: ByteSocket, visitor: Visitor): TlsHandler {
    visitor.release();
    return this.#turnAway(socket);
  }

  #turnAway(socket: ByteSocket): TlsHandler {
    this.owner.noteRefusedConnection();
    socket.abort();
    return TURNED_AWAY;
  }
}

function drop(socket: ByteSocket, visitor: Visitor): TlsHandler {
  visitor.release();
  socket.abort();
  return TURNED_AWAY;
}

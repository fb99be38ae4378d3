import { ConnectError } from "../../../src/runtime/mod.ts";
import type {
  ByteSocket,
  ByteSocketHandler,
  Child,
  HostFigures,
  IntervalHandle,
  NotifySocket,
  ProcessFigures,
  ProcessMemory,
  Runtime,
  SignalName,
  SocketListener,
  TcpListenOptions,
  TlsContext,
  WebServer,
  WebServerOptions,
} from "../../../src/runtime/mod.ts";

/** `exit` of the fake: whoever calls it goes no further. */
export class Exited extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

/** A runtime without a system below it: everything that the program does to the outside is on record. */
export class FakeRuntime implements Runtime {
  readonly name = "deno";
  readonly version = "9.9.9";
  readonly pid = 4711;
  readonly files = new Map<string, string>();
  variables: Record<string, string> = {};
  mayStartPrograms = true;
  stdout = "";
  stderr = "";
  /** What has been done, in order, as far as the order matters. */
  readonly record: string[] = [];
  readonly listeners = new Set<SocketListener>();
  /** Addresses that cannot be bound. */
  readonly taken = new Set<string>();
  readonly intervals = new Set<IntervalHandle>();
  readonly #signals = new Map<SignalName, () => void>();
  #nextPort = 40_000;
  #waiting: { text: string; resolve: () => void }[] = [];

  constructor(readonly args: readonly string[] = []) {}

  /** Of `serveWeb`, in order. */
  readonly webServers: WebServerOptions[] = [];

  serveWeb(options: WebServerOptions): Promise<WebServer> {
    this.webServers.push(options);
    return Promise.resolve({
      port: options.port || 40_000,
      figures: { connections: 0, accepted: 0, refused: 0, malformed: 0, timedOut: 0 },
      setTls: () => undefined,
      close: () => Promise.resolve(),
    });
  }

  connectTcp({ host, port }: { readonly host: string; readonly port: number }): Promise<never> {
    return Promise.reject(
      new ConnectError(`${host}:${port}`, "connection refused", "ECONNREFUSED"),
    );
  }

  connectUnix({ path }: { readonly path: string }): Promise<never> {
    return Promise.reject(new ConnectError(path, "no such file or directory", "ENOENT"));
  }

  connectTls(options: { readonly host: string; readonly port: number }): Promise<never> {
    return this.connectTcp(options);
  }

  createHttpClient(): Promise<never> {
    return Promise.reject(new Error("nothing leaves a runtime without a system"));
  }

  hostFigures(): HostFigures {
    return { cpu: undefined, memory: undefined };
  }

  figures(): ProcessFigures {
    const memory = { rssBytes: 3, heapUsedBytes: 1, heapTotalBytes: 2, externalBytes: undefined };
    return { memory, cpu: undefined, load: undefined, openFilesMax: undefined };
  }

  listenUnix(): Promise<SocketListener> {
    return Promise.reject(new Error("Cannot listen: no test does that"));
  }

  listenTls(): Promise<SocketListener> {
    return Promise.reject(new Error("Cannot listen: no test does that"));
  }

  removeStaleSocket(): Promise<void> {
    return Promise.reject(new Error("Cannot remove: no test does that"));
  }

  createTlsContext(): Promise<TlsContext> {
    return Promise.reject(new Error("Cannot use a certificate: no test does that"));
  }

  openNotifySocket(): Promise<NotifySocket> {
    return Promise.reject(new Error("Cannot notify: no test does that"));
  }

  fileStamp(path: string): Promise<string> {
    return Promise.resolve(path);
  }

  listenTcp(
    { host, port }: TcpListenOptions,
    _accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener> {
    if (this.taken.has(`${host}:${port}`)) {
      const error = Object.assign(new Error("Failed to listen"), { code: "EADDRINUSE" });
      return Promise.reject(error);
    }
    const listener: SocketListener = {
      host,
      port: port === 0 ? this.#nextPort++ : port,
      close: () => {
        this.record.push(`close ${host}:${port}`);
        this.listeners.delete(listener);
      },
    };
    this.record.push(`listen ${host}:${port}`);
    this.listeners.add(listener);
    return Promise.resolve(listener);
  }

  spawn(): Promise<Child> {
    return Promise.reject(new Error("Cannot run a program: no test does that"));
  }

  readonly dropsCodeWithGarbage = false;

  collectGarbage(): void {
    this.record.push("collect garbage");
  }

  renouncePrograms(): void {
    this.mayStartPrograms = false;
  }

  every(_intervalMs: number, _fn: () => void): IntervalHandle {
    const handle: IntervalHandle = { stop: () => this.intervals.delete(handle) };
    this.intervals.add(handle);
    return handle;
  }

  defer(fn: () => void): void {
    queueMicrotask(fn);
  }

  yieldTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  environment(): Readonly<Record<string, string>> {
    return this.variables;
  }

  readTextFile(path: string): Promise<string> {
    const text = this.files.get(path);
    if (text === undefined) {
      return Promise.reject(new Error(`ENOENT: no such file, open '${path}'`));
    }
    return Promise.resolve(text);
  }

  writeFileAtomic(path: string, text: string): Promise<void> {
    if (path.startsWith("/missing/")) return Promise.reject(new Error("ENOENT: no such folder"));
    this.record.push(`write ${path}`);
    this.files.set(path, text);
    return Promise.resolve();
  }

  onSignal(name: SignalName, fn: () => void): void {
    this.#signals.set(name, fn);
  }

  signal(name: SignalName): void {
    this.#signals.get(name)?.();
  }

  writeStdoutBytes(bytes: Uint8Array): boolean {
    this.writeStdout(new TextDecoder().decode(bytes));
    return true;
  }

  writeStdout(text: string): void {
    this.record.push(`stdout ${text.split(" ", 1)[0]}`);
    this.stdout += text;
    this.#wake();
  }

  writeStderr(text: string): void {
    this.stderr += text;
    this.#wake();
  }

  /** Resolves once standard output or error contains `text`. */
  written(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ text, resolve });
    this.#wake();
    return promise;
  }

  memory(): ProcessMemory {
    return { rssBytes: 1, heapUsedBytes: 1 };
  }

  exit(code: number): never {
    this.record.push(`exit ${code}`);
    throw new Exited(code);
  }

  #wake(): void {
    this.#waiting = this.#waiting.filter(({ text, resolve }) => {
      const isThere = this.stdout.includes(text) || this.stderr.includes(text);
      if (isThere) resolve();
      return !isThere;
    });
  }
}

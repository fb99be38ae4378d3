/** The part of Bun's socket interface that we use; its types are not known to the type checker of Deno. */

export interface BunSocket<T> {
  data: T;
  /** Undefined once the socket is closed. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** The system's number for it; -1 once the socket is closed. */
  readonly fd: number;
  /** Bytes taken by the system; -1 when the socket is closed. */
  write(bytes: Uint8Array, byteOffset: number, byteLength: number): number;
  shutdown(halfClose?: boolean): void;
  end(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay(on: boolean): boolean;
  /** `initialDelayMs`: silence before the first probe. */
  setKeepAlive(on: boolean, initialDelayMs: number): boolean;
}

/** Where to listen. */
export type BunAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly unix: string };

export interface BunSocketHandlers<T> {
  readonly allowHalfOpen: boolean;
  readonly socket: {
    open(socket: BunSocket<T>): void;
    data(socket: BunSocket<T>, chunk: Uint8Array): void;
    drain(socket: BunSocket<T>): void;
    end(socket: BunSocket<T>): void;
    close(socket: BunSocket<T>, error?: Error): void;
    error(socket: BunSocket<T>, error: Error): void;
    /** Of a connection that we began. */
    connectError?(socket: BunSocket<T>, error: Error): void;
  };
}

export type BunListenOptions<T> = BunAddress & BunSocketHandlers<T>;

export interface BunTcpListener {
  readonly hostname: string;
  readonly port: number;
  stop(closeActiveConnections?: boolean): void;
}

export interface BunSubprocess {
  readonly pid: number;
  /** Both are null while it runs; afterwards one of them is. */
  readonly exitCode: number | null;
  readonly signalCode: string | null;
  readonly exited: Promise<number>;
  /** Where it was asked for. */
  readonly stdin:
    | {
      write(text: string): number | Promise<number>;
      flush(): number | Promise<number>;
      end(): number | Promise<number>;
    }
    | null
    | undefined;
  kill(signal: string): void;
}

export interface BunSpawnOptions {
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdio: readonly ["inherit" | "pipe", "inherit", "inherit"];
}

export interface BunGlobal {
  readonly version: string;
  /** Throws the system's error. */
  spawn(options: BunSpawnOptions): BunSubprocess;
  gc(waits: boolean): void;
  /** Rejects also where `connectError` was told. */
  connect<T>(options: BunListenOptions<T>): Promise<BunSocket<T>>;
  listen<T>(options: BunListenOptions<T>): BunTcpListener;
}

/** Of `bun:ffi`: what the system's library is called by. */
export interface BunFfi {
  dlopen<F extends string>(
    name: string,
    functions: Readonly<Record<F, { readonly args: readonly string[]; readonly returns: string }>>,
  ): { readonly symbols: Readonly<Record<F, (...args: unknown[]) => number>>; close(): void };
}

import type { BunFfi } from "./bun_types.ts";
import type { NotifySocket } from "./runtime.ts";

/** Names of the C library on Linux: of glibc and of musl. */
const LIBRARIES = ["libc.so.6", "ld-musl-x86_64.so.1", "ld-musl-aarch64.so.1"] as const;
const FUNCTIONS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
} as const;
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x80002;
/** Neither a signal nor a pause: a manager that does not read must not stop the broker. */
const MSG_NOSIGNAL_DONTWAIT = 0x4040;
const CLOCK_MONOTONIC = 1;
/** What `sun_path` has room for, with its final zero. */
const PATH_BYTES_MAX = 108;

type Library = ReturnType<BunFfi["dlopen"]>["symbols"];

/** As `Runtime.openNotifySocket`, by the system's own library: Bun has no datagrams over Unix sockets. */
export async function openNotifySocket(address: string): Promise<NotifySocket> {
  const to = socketAddress(address);
  // Not written as a literal: only Bun has this module, and whatever bundles us must leave it alone.
  const module: string = "bun:ffi";
  const library = openLibrary(await import(module) as BunFfi);
  const fd = library.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new Error("the system has no socket for it");
  return {
    send: (text) => {
      const bytes = new TextEncoder().encode(text);
      const sent = library.sendto(fd, bytes, bytes.length, MSG_NOSIGNAL_DONTWAIT, to, to.length);
      return Number(sent) === bytes.length
        ? Promise.resolve()
        : Promise.reject(new Error("the system did not take the datagram"));
    },
    monotonicUs: () => monotonicUs(library),
    close: () => void library.close(fd),
  };
}

function openLibrary({ dlopen }: BunFfi): Record<keyof typeof FUNCTIONS, Library[string]> {
  let reason: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, FUNCTIONS).symbols;
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason;
}

/** A `struct sockaddr_un`: the family, and a path with its final zero or an abstract name behind a zero. */
function socketAddress(address: string): Uint8Array {
  const isAbstract = address.startsWith("@");
  if (!isAbstract && !address.startsWith("/")) {
    throw new Error("neither a path nor an abstract name");
  }
  const name = new TextEncoder().encode(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (name.length > PATH_BYTES_MAX) throw new Error("the name is too long for a socket");
  const bytes = new Uint8Array(2 + name.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(name, 2);
  return bytes;
}

function monotonicUs(library: Record<"clock_gettime", Library[string]>): bigint | undefined {
  const time = new BigInt64Array(2);
  if (library.clock_gettime(CLOCK_MONOTONIC, time) !== 0) return undefined;
  const [seconds = 0n, nanoseconds = 0n] = time;
  return seconds * 1_000_000n + nanoseconds / 1000n;
}

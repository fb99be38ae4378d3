import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { NotifySocket } from "./runtime.ts";

/** Of `Deno`, where `--unstable-net` is given; its types are known only where it is given to the type checker, too. */
interface UnstableNet {
  listenDatagram?(options: { transport: "unixpacket"; path: string }): {
    send(bytes: Uint8Array, to: { transport: "unixpacket"; path: string }): Promise<number>;
    close(): void;
  };
}

const encoder = new TextEncoder();

/** As `Runtime.openNotifySocket`. Needs `--unstable-net`: datagrams over Unix sockets are not stable in Deno. */
export function openNotifySocket(address: string): Promise<NotifySocket> {
  return Promise.resolve(address).then(open);
}

function open(address: string): NotifySocket {
  if (!address.startsWith("/")) throw new Error("Deno can use none but a path");
  const { listenDatagram } = Deno as unknown as UnstableNet;
  if (listenDatagram === undefined) throw new Error("Deno needs --unstable-net for it");
  // A socket of ours has to have a name first; it works on without it.
  const folder = process.env["RUNTIME_DIRECTORY"]?.split(":", 1)[0] || tmpdir();
  const own = join(folder, `broker-notify-${process.pid}-${crypto.randomUUID()}`);
  const socket = listenDatagram({ transport: "unixpacket", path: own });
  Deno.removeSync(own);
  const to = { transport: "unixpacket", path: address } as const;
  return {
    send: async (text) => {
      await socket.send(encoder.encode(text), to);
    },
    monotonicUs,
    close: () => socket.close(),
  };
}

/** Whole seconds, rounded down, and with the time in which the machine slept: never less than the clock in question. */
function monotonicUs(): bigint | undefined {
  try {
    return BigInt(Deno.osUptime() + 1) * 1_000_000n;
  } catch (error) {
    // Without --allow-sys=osUptime it is not ours to know.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

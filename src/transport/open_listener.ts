import type { Runtime } from "../runtime/mod.ts";
import type { Listener, ListenerOptions, ListenerOwner } from "./listener.ts";
import { openTcpListener } from "./tcp.ts";

/** What listeners ask of the runtime. */
export type ListenerRuntime = Pick<Runtime, "listenTcp">;

/** Opens a listener of any type. Rejects with the reason when that is not possible; nothing is open then. */
export async function openListener(
  runtime: ListenerRuntime,
  options: ListenerOptions,
  owner: ListenerOwner,
): Promise<Listener> {
  if (options.type !== "tcp") {
    throw new Error(`Cannot listen: type "${options.type}" is not in this version`);
  }
  return await openTcpListener(runtime, options, owner);
}

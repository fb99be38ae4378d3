import type { ByteSocket } from "../runtime/mod.ts";
import type { ListenerContext } from "../transport/mod.ts";
import type { BrokerCore } from "./broker_core.ts";
import { ClientConnection } from "./client_connection.ts";
import { Mountpoint } from "./mountpoint.ts";

/** A connection through a listener with a mountpoint. */
export class MountedConnection extends ClientConnection {
  readonly #mountpoint: Mountpoint;

  constructor(core: BrokerCore, socket: ByteSocket, listener: ListenerContext) {
    super(core, socket, listener);
    this.#mountpoint = new Mountpoint(listener.options.mountpoint);
  }

  override get mountpoint(): Mountpoint {
    return this.#mountpoint;
  }
}

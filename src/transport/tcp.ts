import type { ByteSocket, ByteSocketHandler, Runtime } from "../runtime/mod.ts";
import type { Listener, ListenerOptions, ListenerOwner } from "./listener.ts";

/** What a connection gets that is turned away: nothing it sends is looked at. */
const TURNED_AWAY: ByteSocketHandler = {
  onBytes: () => {},
  onProgress: () => {},
  onWritable: () => {},
  onClose: () => {},
};

/** Listens for MQTT over plain TCP. Rejects with the system's error when the address cannot be bound. */
export async function openTcpListener(
  runtime: Pick<Runtime, "listenTcp">,
  options: ListenerOptions,
  owner: ListenerOwner,
): Promise<Listener> {
  let connections = 0;
  const context = {
    allowAnonymous: options.allowAnonymous,
    release: () => {
      connections--;
    },
  };
  const accept = (socket: ByteSocket): ByteSocketHandler => {
    if (connections >= options.maxConnections) {
      owner.noteRefusedConnection();
      socket.abort();
      return TURNED_AWAY;
    }
    connections++;
    return owner.accept(socket, context);
  };
  const { host, port } = options;
  const onError = (error: unknown): void => owner.noteAcceptError(error);
  const bound = await runtime.listenTcp({ host, port, onError }, accept);
  const shownHost = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    type: options.type,
    url: `mqtt://${shownHost}:${bound.port}`,
    port: bound.port,
    close: () => bound.close(),
  };
}

import type { ByteSocket, ByteSocketHandler, Runtime } from "../runtime/mod.ts";
import {
  type Listener,
  type ListenerContext,
  type ListenerOptions,
  type ListenerOwner,
  withChange,
} from "./listener.ts";

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
  const figures = { connections: 0, accepted: 0, refused: 0, failedHandshakes: 0 };
  const release = (): void => {
    figures.connections--;
  };
  let terms = options;
  let context: ListenerContext = { options, release };
  const accept = (socket: ByteSocket): ByteSocketHandler => {
    if (figures.connections >= terms.maxConnections) {
      figures.refused++;
      owner.noteRefusedConnection();
      socket.abort();
      return TURNED_AWAY;
    }
    figures.connections++;
    figures.accepted++;
    return owner.accept(socket, context);
  };
  const { host, port } = options;
  const onError = (error: unknown): void => owner.noteAcceptError(error);
  const bound = await runtime.listenTcp({ host, port, onError }, accept);
  const shownHost = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    get options() {
      return terms;
    },
    figures,
    url: `mqtt://${shownHost}:${bound.port}`,
    port: bound.port,
    change: (next) => {
      terms = withChange(terms, next);
      // A new one: connections that are there go on under the terms that they came by.
      context = { options: terms, release };
    },
    close: () => bound.close(),
  };
}

import type { Inspector } from "../broker/mod.ts";
import type { Listener } from "../transport/mod.ts";
import type { ListenersService } from "./service.ts";
import type { ListenerView } from "./views.ts";

/** The listeners of this node, as they are now. */
export class LocalListeners implements ListenersService {
  readonly #inspector: Inspector;
  readonly #listeners: () => readonly Listener[];

  constructor(inspector: Inspector, listeners: () => readonly Listener[]) {
    this.#inspector = inspector;
    this.#listeners = listeners;
  }

  /** Sum of what the listeners take. */
  get connectionsMax(): number {
    return this.#listeners().reduce((sum, { options }) => sum + options.maxConnections, 0);
  }

  get count(): number {
    return this.#listeners().length;
  }

  list(): Promise<readonly ListenerView[]> {
    return Promise.resolve(this.#listeners().map((listener) => this.#viewOf(listener)));
  }

  #viewOf({ options, url, port, figures }: Listener): ListenerView {
    return {
      node: this.#inspector.node,
      name: options.name,
      type: options.type,
      url,
      host: options.host,
      port,
      maxConnections: options.maxConnections,
      connections: figures.connections,
      accepted: figures.accepted,
      refused: figures.refused,
      failedHandshakes: figures.failedHandshakes,
      allowAnonymous: options.allowAnonymous,
      mountpoint: options.mountpoint,
      closed: this.#inspector.closeTally(options.name),
    };
  }
}

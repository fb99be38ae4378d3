import { join, resolve } from "node:path";
import type { Configuration } from "../config/mod.ts";
import { HostRules, SqliteThread } from "../sinks/mod.ts";

const FOLDER = "sinks";

/** What all that leaves the broker has to keep to, as it is configured now. */
export class SinkSurroundings {
  readonly sqlite: SqliteThread;
  #hosts = new HostRules({ allowHosts: [], denyHosts: [] });
  #folder: string | undefined;

  /** `programUrl`: where the threads of the program start. */
  constructor(programUrl: string, configuration: Configuration) {
    this.sqlite = new SqliteThread(programUrl);
    this.change(configuration);
  }

  /** The rules as they are now. */
  readonly hosts = (): HostRules => this.#hosts;

  /** Where files are that an API names; undefined: nowhere. */
  get filesFolder(): string | undefined {
    return this.#folder;
  }

  change({ sinks, node, persistence }: Configuration): void {
    const own = persistence.enabled ? join(resolve(node.dataDir), FOLDER) : undefined;
    this.#folder = sinks.folder === undefined ? own : resolve(sinks.folder);
    this.#hosts = new HostRules(sinks);
  }
}

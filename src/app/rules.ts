import { Prng } from "../base/mod.ts";
import type { Broker } from "../broker/mod.ts";
import { type Configuration, formatBind } from "../config/mod.ts";
import type { RecordStore } from "../ports/mod.ts";
import {
  type PublishLimits,
  type ResourceAlarms,
  ResourceManager,
  RuleEngine,
  SAMPLE_MS,
} from "../rules/mod.ts";
import type { IntervalHandle } from "../runtime/mod.ts";
import type { Listener } from "../transport/mod.ts";
import type { ServerContext } from "./application.ts";
import type { SinkSurroundings } from "./sinks.ts";

export interface RulesParts {
  readonly broker: Broker;
  readonly records: RecordStore;
  readonly configuration: Configuration;
  /** Those that are open now. */
  readonly listeners: () => readonly Listener[];
  readonly sinks: SinkSurroundings;
}

/** Rules and resources of a running broker. */
export class Rules {
  readonly engine: RuleEngine;
  readonly resources: ResourceManager;
  /** Where alarms of resources go, once somebody takes them. */
  alarms: ResourceAlarms | undefined;
  readonly #sampling: IntervalHandle;
  #limits: PublishLimits;

  /** Throws where rules or resources of the configuration cannot be used. The caller closes it. */
  constructor({ runtime, clock, logger }: ServerContext, parts: RulesParts) {
    const { broker, records, configuration, listeners, sinks } = parts;
    const { ruleEngine, node } = configuration;
    this.#limits = configuration.mqtt;
    this.resources = new ResourceManager({
      records,
      clock,
      logger,
      alarms: {
        raise: (alarm) => this.alarms?.raise(alarm),
        clear: (id) => this.alarms?.clear(id),
      },
      surroundings: {
        runtime,
        prng: new Prng(clock.nowMs()),
        hosts: sinks.hosts,
        filesFolder: () => sinks.filesFolder,
        sqlite: sinks.sqlite,
      },
      maxResources: ruleEngine.maxResources,
    });
    this.engine = new RuleEngine({
      options: ruleEngine,
      node: node.name,
      records,
      resources: this.resources,
      publisher: broker.publisher,
      limits: () => this.#limits,
      events: broker.events,
      runtime,
      clock,
      logger,
      addressOf: (name) => addressOf(listeners(), name),
    });
    this.resources.findUser = (id) => this.engine.usersOf(id)[0];
    this.resources.prepare(configuration.resources)();
    this.engine.open(configuration.rules);
    this.#sampling = runtime.every(SAMPLE_MS, () => this.engine.sample());
  }

  /** Makes ready what a reload brings; what is returned puts it into force. Throws `RuleError`. */
  prepare({ ruleEngine, resources, rules, mqtt }: Configuration): () => void {
    const changeResources = this.resources.prepare(resources);
    const types = new Map(resources.map(({ id, type }) => [id, type]));
    const changeRules = this.engine.prepare(ruleEngine, rules, (id) => {
      const made = this.resources.get(id);
      return types.get(id) ?? (made?.isReadOnly === false ? made.type : undefined);
    });
    return () => {
      this.#limits = mqtt;
      changeResources();
      changeRules();
    };
  }

  /** What waits for its resource goes there, as far as that goes quickly. */
  async close(): Promise<void> {
    this.#sampling.stop();
    this.engine.close();
    await this.resources.close();
  }
}

function addressOf(listeners: readonly Listener[], name: string): string | undefined {
  const listener = listeners.find(({ options }) => options.name === name);
  if (listener === undefined) return undefined;
  const { host, socketPath } = listener.options;
  return formatBind({ host, port: listener.port, socketPath });
}

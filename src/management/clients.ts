import { parseIpNetwork } from "../base/mod.ts";
import type { Controller, Inspector } from "../broker/mod.ts";
import { parseTopicFilter, type Qos } from "../mqtt/mod.ts";
import { ManagementError } from "./management_error.ts";
import { countRows, pageStart, readPage, streamRows } from "./paging.ts";
import type { ClientFilter, ClientQuery, Page, PageRequest } from "./query.ts";
import { refusalError } from "./refusal.ts";
import type { ClientsService, SubscribeRequest } from "./service.ts";
import type { Turns } from "./slices.ts";
import type { ClientView, SubscriptionView } from "./views.ts";

export interface ClientsParts {
  readonly inspector: Inspector;
  readonly controller: Controller;
  readonly turns: Turns;
}

/** The clients of this node. */
export class LocalClients implements ClientsService {
  readonly #inspector: Inspector;
  readonly #controller: Controller;
  readonly #turns: Turns;

  constructor({ inspector, controller, turns }: ClientsParts) {
    this.#inspector = inspector;
    this.#controller = controller;
    this.#turns = turns;
  }

  async list(page: PageRequest, query: ClientQuery = {}): Promise<Page<ClientView>> {
    checkFilter(query);
    const { clientId, includeSubscriptions = false } = query;
    if (clientId === undefined) {
      const source = this.#inspector.clients(query, includeSubscriptions);
      return await readPage(source, page, this.#turns);
    }
    const { limit, skip, cursor } = pageStart(page);
    const view = this.#inspector.client(clientId, includeSubscriptions, query);
    const isShown = view !== undefined && limit > 0 && skip === 0 && cursor === undefined;
    return {
      items: isShown ? [view] : [],
      count: view === undefined ? 0 : 1,
      nextCursor: undefined,
    };
  }

  async *stream(query: ClientQuery = {}): AsyncIterable<readonly ClientView[]> {
    checkFilter(query);
    const source = this.#inspector.clients(query, query.includeSubscriptions ?? false);
    yield* streamRows(source, this.#turns);
  }

  async count(filter: ClientFilter = {}): Promise<number> {
    checkFilter(filter);
    const { clientId } = filter;
    if (clientId !== undefined) {
      return this.#inspector.client(clientId, false, filter) === undefined ? 0 : 1;
    }
    return await countRows(this.#inspector.clients(filter, false), this.#turns);
  }

  get(
    clientId: string,
    options: { readonly includeSubscriptions?: boolean } = {},
  ): Promise<ClientView | undefined> {
    const { includeSubscriptions = false } = options;
    return Promise.resolve(this.#inspector.client(clientId, includeSubscriptions));
  }

  kick(clientId: string): Promise<void> {
    if (this.#controller.kick(clientId)) return Promise.resolve();
    return Promise.reject(
      new ManagementError(
        "not-found",
        `Cannot kick ${JSON.stringify(clientId)}: the client is not connected`,
      ),
    );
  }

  async remove(clientId: string): Promise<void> {
    const refusal = await this.#controller.end(clientId, { onlyOffline: false });
    if (refusal !== undefined) throw refusalError("remove", clientId, refusal);
  }

  async removeOffline(clientId: string): Promise<void> {
    const refusal = await this.#controller.end(clientId, { onlyOffline: true });
    if (refusal !== undefined) throw refusalError("remove", clientId, refusal);
  }

  async subscribe(
    clientId: string,
    requests: readonly SubscribeRequest[],
  ): Promise<readonly SubscriptionView[]> {
    const answer = await this.#controller.subscribe(clientId, requests.map(completed));
    if ("refused" in answer) throw refusalError("subscribe for", clientId, answer);
    return answer;
  }

  async unsubscribe(clientId: string, filters: readonly string[]): Promise<readonly boolean[]> {
    for (const filter of filters) {
      const parsed = parseTopicFilter(filter);
      if (parsed.valid) continue;
      throw new ManagementError(
        "invalid",
        `Cannot unsubscribe: topic filter ${JSON.stringify(filter)} ${parsed.problem}`,
      );
    }
    const answer = await this.#controller.unsubscribe(clientId, filters);
    if ("refused" in answer) throw refusalError("unsubscribe for", clientId, answer);
    return answer;
  }
}

function completed(request: SubscribeRequest): Required<Readonly<SubscribeRequest>> & {
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
} {
  const { filter, qos, noLocal, retainAsPublished, retainHandling } = request;
  return {
    filter,
    qos: oneOf("QoS", qos) as Qos,
    noLocal: noLocal ?? false,
    retainAsPublished: retainAsPublished ?? false,
    retainHandling: oneOf("retain handling", retainHandling ?? 0),
  };
}

/** What comes from outside may be any number. */
function oneOf(what: string, value: number): 0 | 1 | 2 {
  if (value === 0 || value === 1 || value === 2) return value;
  throw new ManagementError(
    "invalid",
    `Cannot subscribe: ${what} is ${value}, allowed are 0, 1 and 2`,
  );
}

function checkFilter({ address }: ClientFilter): void {
  if (address === undefined || parseIpNetwork(address) !== undefined) return;
  throw new ManagementError(
    "invalid",
    `Cannot list clients: address is ${JSON.stringify(address)}, allowed is an IP address`,
  );
}

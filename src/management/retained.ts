import { type Controller, type Inspector, isRetainedFilter } from "../broker/mod.ts";
import { isSysTopic } from "../mqtt/mod.ts";
import { ManagementError } from "./management_error.ts";
import { readPage, streamRows } from "./paging.ts";
import type { Page, PageRequest, RetainedQuery } from "./query.ts";
import { refusalError } from "./refusal.ts";
import type { RetainedService } from "./service.ts";
import type { Turns } from "./slices.ts";
import type { RetainedView } from "./views.ts";

/** The retained messages of this node. */
export class LocalRetained implements RetainedService {
  readonly #inspector: Inspector;
  readonly #controller: Controller;
  readonly #turns: Turns;

  constructor(inspector: Inspector, controller: Controller, turns: Turns) {
    this.#inspector = inspector;
    this.#controller = controller;
    this.#turns = turns;
  }

  async list(request: PageRequest, { filter }: RetainedQuery = {}): Promise<Page<RetainedView>> {
    checkFilter("list", filter);
    return await readPage(await this.#inspector.retained(filter), request, this.#turns);
  }

  get(topic: string): Promise<RetainedView | undefined> {
    return Promise.resolve(this.#inspector.retainedMessage(topic));
  }

  async remove(topic: string): Promise<boolean> {
    if (isSysTopic(topic)) {
      throw new ManagementError(
        "forbidden",
        `Cannot remove the retained message of "${topic}": it is the broker's own`,
      );
    }
    return await this.#remove(topic);
  }

  async removeMatching(filter: string): Promise<number> {
    checkFilter("remove", filter);
    let removed = 0;
    for await (const views of streamRows(await this.#inspector.retained(filter), this.#turns)) {
      const topics = views.map(({ topic }) => topic).filter((topic) => !isSysTopic(topic));
      const were = await Promise.all(
        topics.map((topic) => this.#remove(topic)),
      );
      removed += were.filter(Boolean).length;
    }
    return removed;
  }

  async #remove(topic: string): Promise<boolean> {
    const answer = await this.#controller.removeRetained(topic);
    if (typeof answer === "boolean") return answer;
    throw refusalError("remove the retained message of", topic, answer);
  }
}

function checkFilter(what: string, filter: string | undefined): void {
  if (filter === undefined || isRetainedFilter(filter)) return;
  throw new ManagementError(
    "invalid",
    `Cannot ${what} retained messages: ${JSON.stringify(filter)} is not a topic filter`,
  );
}

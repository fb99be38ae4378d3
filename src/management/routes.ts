import type { Inspector } from "../broker/mod.ts";
import { pageStart, readPage } from "./paging.ts";
import type { Page, PageRequest, RouteQuery } from "./query.ts";
import type { RoutesService } from "./service.ts";
import type { Turns } from "./slices.ts";
import type { RouteView } from "./views.ts";

/** The routes of this node. */
export class LocalRoutes implements RoutesService {
  readonly #inspector: Inspector;
  readonly #turns: Turns;

  constructor(inspector: Inspector, turns: Turns) {
    this.#inspector = inspector;
    this.#turns = turns;
  }

  async list(request: PageRequest, { topicFilter }: RouteQuery = {}): Promise<Page<RouteView>> {
    if (topicFilter === undefined) {
      return await readPage(this.#inspector.routes, request, this.#turns);
    }
    const { limit, skip, cursor } = pageStart(request);
    const route = this.#inspector.route(topicFilter);
    const isShown = route !== undefined && limit > 0 && skip === 0 && cursor === undefined;
    return {
      items: isShown ? [route] : [],
      count: route === undefined ? 0 : 1,
      nextCursor: undefined,
    };
  }
}

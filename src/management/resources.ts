import {
  type Flavor,
  type ResourceDraft,
  type ResourceManager,
  type ResourceTypeForm,
  resourceTypeForms,
  type ResourceView,
} from "../rules/mod.ts";
import { ManagementError } from "./management_error.ts";
import { inRuleTerms } from "./rule_refusal.ts";
import type { ResourcesService } from "./rule_services.ts";

/** The resources of this node, and what they can be. */
export class LocalResources implements ResourcesService {
  readonly #manager: ResourceManager;

  constructor(manager: ResourceManager) {
    this.#manager = manager;
  }

  list(): Promise<readonly ResourceView[]> {
    return Promise.resolve(this.#manager.list());
  }

  get(id: string): Promise<ResourceView | undefined> {
    return Promise.resolve(this.#manager.get(id)?.view);
  }

  create(draft: ResourceDraft): Promise<ResourceView> {
    return inRuleTerms("create a resource", () => this.#manager.create(draft));
  }

  test(draft: ResourceDraft): Promise<boolean> {
    return inRuleTerms("test a resource", () => this.#manager.test(draft));
  }

  remove(id: string): Promise<boolean> {
    return inRuleTerms(`remove ${resourceText(id)}`, () => this.#manager.remove(id));
  }

  async start(id: string): Promise<void> {
    const what = `start ${resourceText(id)}`;
    if (await inRuleTerms(what, () => this.#manager.start(id))) return;
    throw new ManagementError("unavailable", `Cannot ${what}: it cannot be reached`);
  }

  isAlive(id: string): Promise<boolean> {
    return inRuleTerms(`ask for ${resourceText(id)}`, () => this.#manager.isAlive(id));
  }

  types(flavor: Flavor): readonly ResourceTypeForm[] {
    return resourceTypeForms(flavor);
  }
}

function resourceText(id: string): string {
  return `resource ${JSON.stringify(id)}`;
}

import type { Source, Statement } from "./ast.ts";
import { type EventName, isEventName, RULE_EVENTS } from "./events.ts";
import { checkFilter } from "./filters.ts";
import type { Flavor } from "./names.ts";
import { SqlError } from "./sql_error.ts";

export interface ResolvedSources {
  /** Each once, in the order of FROM. */
  readonly events: readonly EventName[];
  /** Of published messages; none: all of them. */
  readonly topicFilters: readonly string[];
}

/** What looks like an event and is none. A topic of this form has to be asked for in WHERE. */
const EVENT_LIKE = /^(?:message|client|session)\.[a-z_]+$/;

/** What FROM means: events by their names, anything else a topic filter, which is about message.publish. */
export function resolveSources(
  { sources, text }: Statement,
  flavor: Flavor,
  onlyFor: string | undefined,
): ResolvedSources {
  const events = new Set<EventName>();
  const topicFilters = new Set<string>();
  // Other events than message.publish have no use for filters, and ignore what FROM says.
  const ignoresFrom = onlyFor !== undefined && onlyFor !== "message.publish";
  if (ignoresFrom) return { events: isEventName(onlyFor) ? [onlyFor] : [], topicFilters: [] };
  for (const { name, at } of sources) {
    if (isEventName(name)) {
      if (onlyFor === undefined || name === onlyFor) events.add(name);
      continue;
    }
    if (flavor === "3.2" && EVENT_LIKE.test(name)) {
      const detail = `unknown event "${name}", allowed: ${RULE_EVENTS.join(", ")}`;
      throw new SqlError(text, at, { code: "unknown-event", detail, name });
    }
    checkFilter(text, at, name);
    topicFilters.add(name);
  }
  if (events.has("message.publish")) topicFilters.clear();
  else if (topicFilters.size > 0) events.add("message.publish");
  if (events.size === 0) throw notFor(sources, text, onlyFor);
  return { events: [...events], topicFilters: [...topicFilters] };
}

function notFor(sources: readonly Source[], text: string, onlyFor: string | undefined): SqlError {
  const [first] = sources;
  const detail = `the rule is for "${onlyFor}", and FROM names other events alone`;
  const name = first?.name ?? "";
  return new SqlError(text, first?.at ?? 0, { code: "unknown-event", detail, name });
}

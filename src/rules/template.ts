/** Texts with `${name}` in them, filled from what a rule selected. */
import type { Columns } from "./sql/columns.ts";
import {
  bounded,
  isList,
  isObject,
  memberAt,
  memberOf,
  type OpenObject,
  setMember,
  type SqlObject,
  type SqlValue,
  valueText,
} from "./sql/value.ts";

const PLACEHOLDER = /\$\{([A-Za-z0-9._]+)\}/;
const WHOLE_PLACEHOLDER = /^\$\{([A-Za-z0-9_]+)\}$/;

export interface Template {
  /** Whether it stands for the payload as it came, to its last byte. */
  readonly isPayload: boolean;
  /**
   * The text. What is missing prints "undefined", lists and objects print as JSON. `event`: whose payload stands for
   * `${payload}` alone. More than 1 MiB is an `EvaluationFailure`.
   */
  render(data: SqlObject, event?: Columns): string;
}

/**
 * Takes a template apart, once. Every text is one; what is no placeholder stays as it is. `${payload}` and nothing else
 * is the payload of the event, unless something else `isNamedPayload` in what is selected.
 */
export function compileTemplate(text: string, isNamedPayload = false): Template {
  // Texts and names take turns.
  const parts = text.split(PLACEHOLDER);
  const isPayload = text === "${payload}" && !isNamedPayload;
  const paths = parts.map((part, index) => index % 2 === 1 ? part.split(".") : []);
  const fill = (data: SqlObject): string => {
    let filled = parts[0] as string;
    for (let at = 1; at < parts.length; at += 2) {
      filled += valueText(memberAt(data, paths[at] as string[])) + (parts[at + 1] as string);
      bounded(filled);
    }
    return filled;
  };
  return {
    isPayload,
    render: (data, event) => {
      const payload = isPayload ? event?.get("payload") : undefined;
      return typeof payload === "string" ? payload : fill(data);
    },
  };
}

/** JSON with places in it: see `compileMemberTemplate`. */
export interface MemberTemplate {
  render(data: SqlObject): SqlValue;
}

/**
 * JSON in which every text that is `${name}` as a whole becomes that member of the data, null where there is none.
 * Everything else is copied, in lists and objects, too.
 */
export function compileMemberTemplate(template: SqlValue): MemberTemplate {
  return { render: compileMember(template) };
}

function compileMember(template: SqlValue): (data: SqlObject) => SqlValue {
  if (isList(template)) {
    const parts = template.map(compileMember);
    return (data) => parts.map((part) => part(data));
  }
  if (isObject(template)) {
    const parts = Object.entries(template).map(([name, part]) =>
      [name, compileMember(part)] as const
    );
    return (data) => {
      const filled: OpenObject = {};
      for (const [name, part] of parts) setMember(filled, name, part(data));
      return filled;
    };
  }
  const name = typeof template === "string" ? WHOLE_PLACEHOLDER.exec(template)?.[1] : undefined;
  return name === undefined ? () => template : (data) => memberOf(data, name) ?? null;
}

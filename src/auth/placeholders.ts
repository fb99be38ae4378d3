import type { Credentials } from "../ports/mod.ts";

/** What a template can ask for. */
export interface PlaceholderValues {
  /** `%c` */
  readonly clientId: string;
  /** `%u`; undefined: there is none, and a template that needs it has no value. */
  readonly username: string | undefined;
  /** `%P` */
  readonly password: string | undefined;
  /** `%a` */
  readonly address: string;
  /** `%l` */
  readonly listener: string;
}

export function placeholderValues(credentials: Credentials): PlaceholderValues {
  const { clientId, username, password, remoteAddress, listenerName } = credentials;
  return {
    clientId,
    username,
    password: password === undefined ? undefined : new TextDecoder().decode(password),
    address: remoteAddress,
    listener: listenerName,
  };
}

/**
 * Puts the values into a template, each once: what a client calls itself is never read as a template again. `%%` is a
 * percent sign. Undefined where the template asks for something that is not there.
 */
export function fillTemplate(template: string, values: PlaceholderValues): string | undefined {
  let isWhole = true;
  const filled = template.replace(/%([cuPal%])/g, (_all, letter: string) => {
    const value = valueOf(letter, values);
    if (value === undefined) isWhole = false;
    return value ?? "";
  });
  return isWhole ? filled : undefined;
}

function valueOf(letter: string, values: PlaceholderValues): string | undefined {
  switch (letter) {
    case "c":
      return values.clientId;
    case "u":
      return values.username;
    case "P":
      return values.password;
    case "a":
      return values.address;
    case "l":
      return values.listener;
    default:
      return "%";
  }
}

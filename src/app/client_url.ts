/** Where a server is, as far as options or a URL say it. */
export interface ServerAddress {
  readonly isTls: boolean;
  /** Undefined: no WebSocket. */
  readonly wsPath: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly topic: string | undefined;
}

const SCHEMES: Readonly<Record<string, { readonly isTls: boolean; readonly isWs: boolean }>> = {
  mqtt: { isTls: false, isWs: false },
  mqtts: { isTls: true, isWs: false },
  ws: { isTls: false, isWs: true },
  wss: { isTls: true, isWs: true },
};

const PATTERN =
  /^([a-z]+):\/\/(?:([^/@:]*)(?::([^/@]*))?@)?(\[[^\]]*\]|[^/:]*)(?::(\d*))?(?:\/([^]*))?$/;

/** Takes a URL apart, or says what is wrong with it. */
export function parseClientUrl(url: string): ServerAddress | string {
  const [, scheme = "", user, password, host = "", port, rest] = PATTERN.exec(url) ?? [];
  const known = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (known === undefined) {
    const names = Object.keys(SCHEMES).map((name) => `${name}://`);
    return `URL "${url}" is not understood; it begins with ${names.join(", ")}`;
  }
  if (host === "") return `URL "${url}" has no host`;
  const number = port === undefined || port === "" ? undefined : Number(port);
  if (number !== undefined && !(number >= 1 && number <= 65_535)) {
    return `URL "${url}" has port ${port}, allowed are 1 to 65535`;
  }
  const [username, secret] = [decode(user), decode(password)];
  if (username === null || secret === null) {
    return `URL "${url}" has a "%" that is not followed by two hexadecimal digits`;
  }
  return {
    isTls: known.isTls,
    wsPath: known.isWs ? `/${rest ?? "mqtt"}` : undefined,
    host: host.replace(/^\[|\]$/g, ""),
    port: number,
    username,
    password: secret,
    topic: known.isWs || rest === "" ? undefined : rest,
  };
}

/** Null: it cannot be decoded. */
function decode(text: string | undefined): string | undefined | null {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

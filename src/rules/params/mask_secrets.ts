const SECRET_NAME =
  /password|passwd|secret|token|credential|private_?key|api_?key|authorization|cookie/i;
/** Of a URL, up to its password, and the password. */
const URL_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*):[^/?#]*@/i;
const MASK = "******";

/**
 * The same values without what is behind a name that sounds like a secret, and without passwords of URLs. `values`: an
 * object of values that JSON can say.
 */
export function maskSecrets<T extends object>(values: T): T {
  const masked = Object.entries(values).map(([name, value]: [string, unknown]) =>
    [name, SECRET_NAME.test(name) ? MASK : maskedValue(value)] as const
  );
  return Object.fromEntries(masked) as T;
}

function maskedValue(value: unknown): unknown {
  if (typeof value === "string") return value.replace(URL_PASSWORD, `$1:${MASK}@`);
  if (Array.isArray(value)) return value.map(maskedValue);
  return typeof value === "object" && value !== null ? maskSecrets(value) : value;
}

import { createHash, timingSafeEqual } from "node:crypto";

/** What an `Authorization` header says. */
export type Authorization =
  | { readonly scheme: "none" }
  | { readonly scheme: "basic"; readonly username: string; readonly password: string }
  | { readonly scheme: "bearer"; readonly token: string }
  /** Basic without a colon, or in no base64. */
  | { readonly scheme: "malformed" }
  | { readonly scheme: "other" };

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Takes an `Authorization` header apart. The name of the scheme is in any case of letters. */
export function parseAuthorization(header: string | undefined): Authorization {
  if (header === undefined) return { scheme: "none" };
  const [, scheme = "", rest = ""] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "basic":
      return parseBasic(rest);
    case "bearer":
      return { scheme: "bearer", token: rest };
    case "":
      return { scheme: "none" };
    default:
      return { scheme: "other" };
  }
}

function parseBasic(base64: string): Authorization {
  if (!BASE64.test(base64)) return { scheme: "malformed" };
  let text: string;
  try {
    text = utf8.decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return { scheme: "malformed" };
  }
  const colon = text.indexOf(":");
  if (colon < 0) return { scheme: "malformed" };
  return { scheme: "basic", username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Takes the same time wherever the difference is, and whatever the lengths are. */
export function isSameSecret(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

/** Whether both are right; the time does not tell which of them is not. */
export function isAccount(
  given: { readonly username: string; readonly password: string },
  account: { readonly username: string; readonly password: string },
): boolean {
  const isName = isSameSecret(given.username, account.username);
  const isPassword = isSameSecret(given.password, account.password);
  return isName && isPassword;
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text, "utf8").digest();
}

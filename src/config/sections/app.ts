import { boolean, integer } from "../kind.ts";
import { orEmpty, secret, text } from "../kind_text.ts";
import { key, optional, required, section } from "../schema.ts";

/** One `[[app]]` as it is written. */
export interface AppKeys {
  readonly id: string;
  readonly secret: string;
  readonly name: string | undefined;
  readonly description: string;
  readonly isEnabled: boolean;
  readonly expiresAtS: number | undefined;
}

/** `[[app]]` */
export const APP = section<AppKeys>("at reload", {
  id: required("id", text({ maxLength: 256 })),
  secret: required("secret", secret()),
  name: optional("name", text({ maxLength: 256 })),
  description: key("desc", orEmpty(text({ maxLength: 1024 })), ""),
  isEnabled: key("status", boolean(), true),
  expiresAtS: optional("expired", integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
});

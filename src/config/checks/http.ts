import { formatBind, isLoopback } from "../address.ts";
import type { KeyPath } from "../key_path.ts";
import type { Written } from "../root.ts";
import type { AppKeys } from "../sections/app.ts";
import type { HttpKeys } from "../sections/http.ts";
import { type Complain, complainOfTwins } from "./complain.ts";
import { checkNoTls, checkTls, hasTlsKeys } from "./tls.ts";

/** The application that is there where none is configured: that of the product whose API it is for. */
export const DEFAULT_APP: AppKeys = Object.freeze({
  id: "admin",
  secret: "public",
  name: undefined,
  description: "",
  isEnabled: true,
  expiresAtS: undefined,
});

/** What must fit together in and between `[[http]]`, `[[app]]` and `[api]`. */
export function checkHttp(complain: Complain, written: Written): void {
  const { http, apps, api } = written;
  for (const [index, listener] of http.entries()) {
    if (!listener.isEnabled) continue;
    const path = ["http", index];
    if (isHttps(listener)) checkTls(complain, path, "https", listener);
    else if (hasTlsKeys(listener)) checkNoTls(complain, path, "http without cert", listener);
    checkCredentials(complain, path, listener, written);
  }
  complainOfTwins(complain, http.map((_, index) => httpName(http, index)), {
    nameOf: (name) => name,
    pathOf: (index) => ["http", index, "name"],
  });
  complainOfTwins(complain, apps, {
    nameOf: ({ id }) => id,
    pathOf: (index) => ["app", index, "id"],
  });
  if (api.nanomqV1.authType === "jwt" && api.nanomqV1.jwtPublicKeyFile === "") {
    const path = ["api", "nanomq_v1", "jwt_public_key_file"];
    complain(path, "nothing", 'the file of a public key, which auth_type = "jwt" needs');
  }
  const { username, password } = api.smqtt;
  if ((username === "") !== (password === "")) {
    const missing = username === "" ? "username" : "password";
    complain(["api", "smqtt", missing], "nothing", "username and password, or neither of them");
  }
}

/** `http:1`, `http:2` … in the order of the file, unless it has a name. */
export function httpName(http: readonly HttpKeys[], index: number): string {
  return http[index]?.name ?? `http:${index + 1}`;
}

/** A certificate or a key makes it HTTPS. */
export function isHttps({ certFile, keyFile }: HttpKeys): boolean {
  return certFile !== undefined || keyFile !== undefined;
}

/** Nobody but this machine may be let in with a password that everybody knows. */
function checkCredentials(
  complain: Complain,
  path: KeyPath,
  listener: HttpKeys,
  { apps, api }: Written,
): void {
  if (isLoopback(listener.bind.host) || listener.allowDefaultCredentials) return;
  const serves = (name: HttpKeys["apis"][number]): boolean => listener.apis.includes(name);
  const open = (what: string, keys: string): void =>
    complain(
      [...path, "bind"],
      `"${formatBind(listener.bind)}", where ${what}`,
      `an address of loopback, ${keys}, or http.allow_default_credentials = true`,
    );
  if (serves("emqx-v3") || serves("emqx-cloud")) {
    const index = apps.findIndex(hasDefaultSecret);
    if (apps.length === 0) {
      open("anybody could use the default application admin/public", "an [[app]] with a secret");
    } else if (index >= 0) {
      open(`anybody could use app.${index} with its default secret`, `another app.${index}.secret`);
    }
  }
  const { username, password, authType } = api.nanomqV1;
  if (
    serves("nanomq-v1") && authType === "basic" && username === "admin" && password === "public"
  ) {
    open(
      "anybody could use nanomq-v1 as admin/public",
      "another api.nanomq_v1.password",
    );
  }
  if (serves("smqtt") && api.smqtt.username === "") {
    open("smqtt is open to anybody", "api.smqtt.username and api.smqtt.password");
  }
}

function hasDefaultSecret({ id, secret }: AppKeys): boolean {
  return id === DEFAULT_APP.id && secret === DEFAULT_APP.secret;
}

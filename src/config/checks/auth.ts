import type { JwtOptions, UserOptions } from "../../auth/mod.ts";
import type { KeyPath } from "../key_path.ts";
import type { Written } from "../root.ts";
import { type Complain, complainOfTwins } from "./complain.ts";

/** What must fit together in `[auth]`. */
export function checkAuth(complain: Complain, { auth }: Written): void {
  for (const [index, user] of auth.users.entries()) checkUser(complain, index, user);
  complainOfTwins(complain, auth.users, {
    nameOf: ({ username }) => username,
    pathOf: (index) => ["auth", "user", index, "username"],
  });
  if (auth.jwt !== undefined) checkJwt(complain, auth.jwt);
}

function checkUser(complain: Complain, index: number, user: UserOptions): void {
  const path: KeyPath = ["auth", "user", index];
  if (user.password !== undefined && user.passwordHash !== undefined) {
    complain([...path, "password"], "password beside password_hash", "one of the two");
  } else if (user.password === undefined && user.passwordHash === undefined) {
    const allowed = 'password_hash, which "broker passwd" prints, or password';
    complain([...path, "password_hash"], "nothing", allowed);
  }
}

function checkJwt(
  complain: Complain,
  { secret, publicKeyFile, algorithms, isSecretBase64 }: JwtOptions,
): void {
  const path = ["auth", "jwt"];
  if (secret === undefined && publicKeyFile === undefined) {
    complain(path, "neither secret nor public_key_file", "one of the two, or both");
    return;
  }
  const isBase64 = secret !== undefined && /^[A-Za-z0-9+/_-]+={0,2}$/.test(secret);
  if (secret !== undefined && isSecretBase64 && !isBase64) {
    complain([...path, "secret"], "text that is no base64", "base64, or secret_base64 = false");
  }
  for (const algorithm of algorithms) {
    const isHmac = algorithm.startsWith("HS");
    if (isHmac ? secret !== undefined : publicKeyFile !== undefined) continue;
    const needed = isHmac ? "secret" : "public_key_file";
    complain([...path, "algorithms"], `"${algorithm}" without ${needed}`, `${needed} beside it`);
  }
}

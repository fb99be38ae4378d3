import * as z from "zod/mini";
import type { AccountsService } from "../../management/mod.ts";
import type { Parameters } from "./parameters.ts";
import { Code, Failure, success } from "./result.ts";
import { type Routes, translating } from "./routes.ts";

/** What the two tables call their entries, spelling included. */
interface Words {
  /** Name of the member and of the path. */
  readonly noun: string;
  readonly exists: string;
  readonly missing: string;
}

/** Client identifiers and user names with passwords, as CONNECT is judged by. */
export function addAccounts(routes: Routes): void {
  const { clientIds, users } = routes.management;
  addTable(routes, clientIds, { noun: "clientid", exists: "exitsted", missing: "noexitsted" });
  addTable(routes, users, { noun: "username", exists: "existed", missing: "noexisted" });
}

function addTable(routes: Routes, accounts: AccountsService, words: Words): void {
  const { noun, exists, missing } = words;
  const path = `/auth_${noun}`;
  const one = `${path}/:${noun}`;
  const body = z.object({ [noun]: z.string(), password: z.string() });
  routes
    .add("GET", path, `list_${noun}`, async () => {
      return success((await accounts.list()).map(({ name }) => name));
    })
    .add("GET", one, `lookup_${noun}`, async ({ call }) => {
      const name = call.param(noun);
      const account = await accounts.get(name);
      if (account === undefined) throw new Failure(Code.noUser, "not_found");
      return success({ [noun]: name, password: account.verifierDigest });
    })
    .add("POST", path, `add_${noun}`, async ({ parameters }) => {
      const name = required(parameters, noun);
      const password = required(parameters, "password");
      await translating(
        { conflict: [Code.userExists, exists] },
        () => accounts.add(name, password),
      );
      return success();
    }, { body })
    .add("PUT", one, `update_${noun}`, async ({ call, parameters }) => {
      const name = call.param(noun);
      const password = required(parameters, "password");
      await translating(
        { "not-found": [Code.noUser, missing] },
        () => accounts.changePassword(name, password),
      );
      return success();
    }, { body: z.object({ password: z.string() }) })
    .add("DELETE", one, `delete_${noun}`, async ({ call }) => {
      await accounts.remove(call.param(noun));
      return success();
    });
}

/** The failure of the product is the name of the member. */
function required(parameters: Parameters, name: string): string {
  const text = parameters.filledText(name);
  if (text === undefined) throw new Failure(Code.emptyNameOrPassword, name);
  return text;
}

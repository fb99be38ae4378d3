import * as z from "zod/mini";
import { TokenBucket } from "../../base/mod.ts";
import { type Call, RequestRefused } from "../kit/mod.ts";
import type { Parameters } from "./parameters.ts";
import { Code, Failure, success } from "./result.ts";
import { type Routes, translating } from "./routes.ts";

/** Tries of one address at the open `POST /auth`: so many at once, and then one in two seconds. */
const TRIES_AT_ONCE = 10;
const TRIES_PER_SECOND = 0.5;
const RETRY_AFTER_S = 2;
/** Addresses that are watched; whoever was silent for longest is forgotten. */
const ADDRESSES_MAX = 10_000;

const NO_USER = [Code.noUser, "Username Not Found"] as const;

/** Users of the dashboard. */
export function addUsers(routes: Routes): void {
  const { dashboardUsers } = routes.management;
  const tries = new Tries(routes);
  const Account = z.object({ username: z.string(), password: z.string() });
  routes
    .add("POST", "/auth", "auth_user", async ({ call, parameters }) => {
      tries.check(call);
      const username = given(parameters, "username", "Username undefined");
      const password = given(parameters, "password", "Password undefined");
      const verdict = await dashboardUsers.authenticate(username, password);
      if (verdict === "right") return success();
      const isUniform = routes.context.options.apis.emqxV3.uniformAuthErrors;
      if (verdict === "unknown" && !isUniform) throw new Failure(...NO_USER);
      throw new Failure(Code.wrongNameOrPassword, "Password Error");
    }, { body: Account, isOpen: true })
    .add("POST", "/users", "create_user", async ({ parameters }) => {
      const text = "Username or password undefined";
      const username = given(parameters, "username", text);
      const password = given(parameters, "password", text);
      const tags = parameters.text("tags") ?? "";
      await translating(
        { conflict: [Code.userExists, "Username Already Exist"] },
        () => dashboardUsers.add(username, password, tags),
      );
      return success();
    }, { body: z.object({ ...Account.shape, tags: z.optional(z.string()) }) })
    .add("GET", "/users", "list_users", async () => {
      const users = await dashboardUsers.list();
      return success(users.map(({ name, tags }) => ({ username: name, tags })));
    })
    .add("PUT", "/users/:name", "update_user", async ({ call, parameters }) => {
      const tags = parameters.text("tags") ?? "";
      await translating(
        { "not-found": NO_USER },
        () => dashboardUsers.changeTags(call.param("name"), tags),
      );
      return success();
    }, { body: z.object({ tags: z.string() }) })
    .add("DELETE", "/users/:name", "delete_user", async ({ call }) => {
      await translating({
        "not-found": NO_USER,
        forbidden: [Code.administratorStays, "Cannot delete admin"],
      }, () => dashboardUsers.remove(call.param("name")));
      return success();
    })
    .add("PUT", "/change_pwd/:username", "change_pwd", async ({ call, parameters }) => {
      const old = given(parameters, "old_pwd", "Password undefined");
      const next = given(parameters, "new_pwd", "Password undefined");
      await translating({
        "not-found": NO_USER,
        forbidden: [Code.oldPasswordWrong, "Password Error"],
      }, () => dashboardUsers.changePassword(call.param("username"), old, next));
      return success();
    }, { body: z.object({ old_pwd: z.string(), new_pwd: z.string() }) });
}

/** Text that is not empty. */
function given(parameters: Parameters, name: string, message: string): string {
  const text = parameters.text(name);
  if (text === undefined || text === "") throw new Failure(Code.emptyNameOrPassword, message);
  return text;
}

/** How often each address has tried to log in. */
class Tries {
  readonly #routes: Routes;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  /** Throws `RequestRefused` for who tries too often. */
  check(call: Call): void {
    const address = call.request.connection.remoteAddress;
    const nowMs = this.#routes.context.clock.monotonicMs();
    const bucket = this.#buckets.get(address) ??
      new TokenBucket(TRIES_PER_SECOND, nowMs, TRIES_AT_ONCE);
    // Behind all others: in the order of their last tries.
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > ADDRESSES_MAX && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.tryTake(nowMs)) return;
    throw new RequestRefused({ kind: "rate-limited", retryAfterS: RETRY_AFTER_S });
  }
}

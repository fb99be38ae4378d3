import type { DialectContext } from "../dialect.ts";
import { type Call, RequestRefused } from "../kit/mod.ts";

/** An application that may log in now, or a user of the dashboard where the configuration takes these, too. */
export async function authenticate(call: Call, context: DialectContext): Promise<undefined> {
  const { authorization } = call;
  if (authorization.scheme === "basic") {
    const { username, password } = authorization;
    const { apps, dashboardUsers } = context.management;
    if (await apps.authenticate(username, password)) return undefined;
    const takesUsers = context.options.apis.emqxV3.acceptDashboardUsers;
    if (takesUsers && await dashboardUsers.authenticate(username, password) === "right") {
      return undefined;
    }
  }
  throw new RequestRefused({ kind: "unauthorized", reason: "unknown" });
}

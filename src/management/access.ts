import type { Clock } from "../base/mod.ts";
import { ReasonCode } from "../mqtt/mod.ts";
import type {
  AuthenticationResult,
  Authenticator,
  Authorizer,
  BanList,
  Credentials,
  Identity,
} from "../ports/mod.ts";
import type { AccessService } from "./service.ts";

export interface AccessParts {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly bans: BanList;
  readonly clock: Clock;
}

/** The same judges as for clients. */
export class LocalAccess implements AccessService {
  readonly #parts: AccessParts;

  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  async authenticate(credentials: Credentials): Promise<AuthenticationResult> {
    const { authenticator } = this.#parts;
    if (this.#isBanned(credentials)) return { denied: ReasonCode.banned };
    const answer = await authenticator.authenticate(credentials);
    if (answer === "ignore" || "denied" in answer) return answer;
    // Who somebody is may come out only now.
    return this.#isBanned(answer) ? { denied: ReasonCode.banned } : answer;
  }

  async authorize(
    identity: Identity,
    action: "publish" | "subscribe",
    topic: string,
  ): Promise<"allow" | "deny"> {
    const { authorizer } = this.#parts;
    const hasOwnRules = (identity.aclRules?.length ?? 0) > 0;
    if (!authorizer.isActive && !hasOwnRules) return "allow";
    return await authorizer.authorize(identity, action, topic);
  }

  #isBanned({ clientId, username, remoteAddress }: Credentials | Identity): boolean {
    const { bans, clock } = this.#parts;
    const subject = { clientId, username, address: remoteAddress };
    return bans.count > 0 && bans.find(subject, clock.nowMs()) !== undefined;
  }
}

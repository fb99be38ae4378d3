export type { AclOptions, AclRuleOptions } from "./acl_options.ts";
export { AuthenticatorChain } from "./authenticator_chain.ts";
export { ALLOW_ALL } from "./allow_all.ts";

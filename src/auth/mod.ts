export { AclAuthorizer, type AclPolicy } from "./acl_authorizer.ts";
export { type AclFileResult, parseAclFile } from "./acl_file.ts";
export type { AclOptions, AclRuleOptions } from "./acl_options.ts";
export { type AclRule, compileRule, ruleProblems } from "./acl_rule.ts";
export { ALLOW_ALL } from "./allow_all.ts";
export { AuthenticatorChain } from "./authenticator_chain.ts";
export {
  type AuthOptions,
  type HttpAuthOptions,
  JWT_ALGORITHMS,
  type JwtAlgorithm,
  type JwtOptions,
  type UserOptions,
} from "./options.ts";
export {
  createPasswordHash,
  formatPasswordHash,
  type HashTerms,
  matchesPassword,
  parsePasswordHash,
  type PasswordHash,
  PasswordHashError,
} from "./password_hash.ts";

export { AclAuthorizer, type AclPolicy } from "./acl_authorizer.ts";
export { type AclFileResult, parseAclFile } from "./acl_file.ts";
export {
  type AclOptions,
  aclPolicy,
  type AclRuleOptions,
  effectiveNoMatch,
} from "./acl_options.ts";
export { type AclRule, compileRule, ruleProblems } from "./acl_rule.ts";
export { ALLOW_ALL } from "./allow_all.ts";
export {
  AccountError,
  type AccountErrorReason,
  type AccountInfo,
  ACCOUNTS_MAX,
  AccountTable,
} from "./account_table.ts";
export { type AuthChange, type AuthFigures, type AuthFiles, AuthService } from "./auth_service.ts";
export { AuthenticatorChain } from "./authenticator_chain.ts";
export { BoundedWork, NotDone, type WorkFigures, type WorkLimits } from "./bounded_work.ts";
export { installationSecret } from "./installation_secret.ts";
export {
  AUTH_MODULES,
  type AuthModule,
  type AuthOptions,
  type HttpAuthOptions,
  JWT_ALGORITHMS,
  type JwtAlgorithm,
  type JwtOptions,
  type UserOptions,
} from "./options.ts";
export {
  changePasswordFile,
  PasswordFileError,
  readPasswordFile,
  userNameProblem,
} from "./password_file.ts";
export {
  createMosquittoHash,
  createPasswordHash,
  formatPasswordHash,
  type HashTerms,
  matchesPassword,
  parsePasswordHash,
  type PasswordHash,
  PasswordHashError,
  SCRYPT_LOG_N,
  SCRYPT_LOG_N_MAX,
  SCRYPT_LOG_N_MIN,
} from "./password_hash.ts";
export { SCRAM_METHOD } from "./scram/exchange.ts";
export { prepareText } from "./scram/prepare_text.ts";
export { SCRAM_KIND, scramSaltFor } from "./scram/scram_authenticator.ts";
export {
  createScramVerifier,
  formatScramVerifier,
  parseScramVerifier,
  SCRAM_ITERATIONS,
  SCRAM_ITERATIONS_MAX,
  SCRAM_ITERATIONS_MIN,
  ScramError,
  type ScramVerifier,
} from "./scram/verifier.ts";

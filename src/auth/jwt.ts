/** What is loaded only where tokens are configured. */
export { JwtAuthenticator } from "./jwt_authenticator.ts";
export { readJwtKeys } from "./jwt_keys.ts";

export { ManagementError, type ManagementErrorCode } from "./management_error.ts";
export * from "./query.ts";
export type * from "./service.ts";
export type * from "./views.ts";

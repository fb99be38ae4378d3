export {
  Api,
  type ApiSetup,
  type Checked,
  type Method,
  type ReplySpec,
  type RouteHandler,
  type RouteSpec,
} from "./api.ts";
export { type Authorization, isAccount, isSameSecret, parseAuthorization } from "./basic_auth.ts";
export { type BearerResult, type BearerRules, BearerVerifier } from "./bearer.ts";
export { Call } from "./call.ts";
export { JSON_DEPTH_MAX, type JsonResult, parseJson } from "./json_body.ts";
export { type MetricLabels, METRICS_TYPE, type MetricSample, MetricsText } from "./metrics_text.ts";
export type { OpenApiDocument, OpenApiOperation, OpenApiParameter } from "./openapi.ts";
export { hasNextPage, type PageBounds, type PageNumbers, readPageNumbers } from "./paging.ts";
export { decodeFormValue, decodePercent, parseQuery, queryRecord } from "./percent.ts";
export { type Refusal, refusalText, type RequestProblem, RequestRefused } from "./refusal.ts";
export { refusePlainly } from "./refuse_plainly.ts";
export {
  emptyReply,
  jsonArray,
  jsonReply,
  type ReplyHeaders,
  rowsReply,
  streamReply,
  textReply,
  withHeaders,
} from "./reply.ts";
export { type Schema, validate, type Validated } from "./validate.ts";

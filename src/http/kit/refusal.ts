import type { ManagementError } from "../../management/mod.ts";

/** One thing that is wrong with a request. */
export interface RequestProblem {
  /** "topic", "list.0.qos"; empty: the whole. */
  readonly field: string;
  /** "found 3, allowed 0, 1 or 2". */
  readonly detail: string;
  /** Whether it is not there at all. */
  readonly isMissing: boolean;
}

/** Why a request is not served; each API has its own words for it. */
export type Refusal =
  | { readonly kind: "not-found" }
  | { readonly kind: "method-not-allowed"; readonly allowed: readonly string[] }
  /** `reason` is the API's own affair. */
  | { readonly kind: "unauthorized"; readonly reason: string }
  | { readonly kind: "rate-limited"; readonly retryAfterS: number }
  | { readonly kind: "body-too-large"; readonly maxBytes: number }
  | { readonly kind: "not-json"; readonly message: string }
  /** A bad escape in the path or in the query. */
  | { readonly kind: "bad-encoding"; readonly where: "path" | "query" }
  | {
    readonly kind: "invalid";
    readonly where: "path" | "query" | "body";
    readonly problems: readonly RequestProblem[];
  }
  | { readonly kind: "management"; readonly error: ManagementError }
  /** Our fault. It is in the log; a client learns nothing but this. */
  | { readonly kind: "internal" };

/** What a handler throws where returning is awkward. */
export class RequestRefused extends Error {
  override readonly name = "RequestRefused";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

/** A sentence for a client's eyes. */
export function refusalText(refusal: Refusal): string {
  switch (refusal.kind) {
    case "not-found":
      return "Not found";
    case "method-not-allowed":
      return `Cannot use this method: allowed are ${refusal.allowed.join(", ")}`;
    case "unauthorized":
      return "Not authorized";
    case "rate-limited":
      return `Cannot take so many requests: try again in ${refusal.retryAfterS} s`;
    case "body-too-large":
      return `Cannot take the body: it is larger than ${refusal.maxBytes} bytes`;
    case "not-json":
      return refusal.message;
    case "bad-encoding":
      return `Cannot decode the ${refusal.where}: a bad escape, or not UTF-8`;
    case "invalid":
      return refusal.problems.map(({ field, detail }) =>
        field === "" ? detail : `${field}: ${detail}`
      ).join("; ");
    case "management":
      return [refusal.error.message, ...refusal.error.details].join("; ");
    case "internal":
      return "Internal error";
  }
}

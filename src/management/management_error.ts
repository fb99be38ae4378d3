/**
 * What kind of refusal it is; the APIs have their own words for each.
 *
 * - `not-found`: no such client, session, ban, account …
 * - `invalid`: the request itself is wrong; `details` may name each problem.
 * - `conflict`: not as things are now: it exists already, the client is connected …
 * - `forbidden`: understood and not permitted.
 * - `unavailable`: not possible at the moment: the disk is full, the broker stops, the part is not there.
 * - `too-large`: more than a limit allows.
 */
export type ManagementErrorCode =
  | "not-found"
  | "invalid"
  | "conflict"
  | "forbidden"
  | "unavailable"
  | "too-large";

/** What a refusal is about, for products that name it: there is none of that name. */
export interface ErrorSubject {
  readonly kind: "action" | "resource" | "resource-type" | "event" | "hook" | "column";
  readonly name: string;
}

export interface ManagementErrorOptions extends ErrorOptions {
  readonly details?: readonly string[];
  readonly subject?: ErrorSubject;
  readonly phrase?: string;
}

/** Something that was asked of the management service and cannot be done. Nothing has changed. */
export class ManagementError extends Error {
  override readonly name = "ManagementError";
  readonly code: ManagementErrorCode;
  /** One line for each problem, where there are several. */
  readonly details: readonly string[];
  /** Only of rules and resources. */
  readonly subject: ErrorSubject | undefined;
  /** The reason in a few words, for products that have such: "required_field_missing target_topic". */
  readonly phrase: string | undefined;

  /** `message`: "Cannot do x: detail", fit for a caller's eyes. */
  constructor(code: ManagementErrorCode, message: string, options: ManagementErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.details = options.details ?? [];
    this.subject = options.subject;
    this.phrase = options.phrase;
  }
}

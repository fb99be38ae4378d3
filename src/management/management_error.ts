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

/** Something that was asked of the management service and cannot be done. Nothing has changed. */
export class ManagementError extends Error {
  override readonly name = "ManagementError";
  readonly code: ManagementErrorCode;
  /** One line for each problem, where there are several. */
  readonly details: readonly string[];

  /** `message`: "Cannot do x: detail", fit for a caller's eyes. */
  constructor(
    code: ManagementErrorCode,
    message: string,
    options: ErrorOptions & { readonly details?: readonly string[] } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = options.details ?? [];
  }
}

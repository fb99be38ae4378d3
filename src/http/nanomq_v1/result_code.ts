/** Result codes of the product, those that this API answers with. */
export const ResultCode = Object.freeze(
  {
    ok: 0,
    unknownError: 102,
    wrongUserOrPassword: 103,
    emptyUserOrPassword: 104,
    parameterMissing: 107,
    parameterWrong: 108,
    notJson: 109,
    tokenExpired: 116,
  } as const,
);
export type ResultCode = (typeof ResultCode)[keyof typeof ResultCode];

/** A request that is answered with a code, and nothing else. */
export class ResultError extends Error {
  override readonly name = "ResultError";
  readonly status: 400 | 401 | 404 | 500;
  readonly code: ResultCode;

  /** `message` is for the log and for tests: the product sends none. */
  constructor(status: 400 | 401 | 404 | 500, code: ResultCode, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

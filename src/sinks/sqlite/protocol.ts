/** What a column takes. */
export type SqlValue = string | number | bigint | null;

/** Rows of one table with the same columns. */
export interface Insertion {
  readonly sql: string;
  /** Run before the first row, where the table is to be made. */
  readonly createSql: string | undefined;
  readonly rows: readonly (readonly SqlValue[])[];
}

/** What the broker asks of the thread; each is answered once. */
export type SqliteRequest =
  & { readonly id: number; readonly path: string }
  & (
    | { readonly kind: "check" }
    /** All in one transaction. */
    | {
      readonly kind: "insert";
      readonly isSynced: boolean;
      readonly insertions: readonly Insertion[];
    }
    | { readonly kind: "close" }
  );

export interface SqliteReply {
  readonly id: number;
  /** Undefined: it is done. */
  readonly error: string | undefined;
  readonly isRetryable: boolean;
}

/**
 * How far the messages of a session may have been sent under the identifiers of their places, and which of them await
 * PUBCOMP; `id` is the session's key. Others that are in flight have a row in `inflight`, as before.
 */
export const EXCHANGE = `
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);
`;

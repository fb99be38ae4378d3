/**
 * Rows of sessions have one number that is also their order on disk: the session's key above bit 40, the place in
 * its queue (`queued`, `inflight`) below; for `received` the key above bit 16 and the packet identifier below. So the
 * messages of a session lie side by side and are read and removed as one range, without a second index.
 *
 * Bodies are written by `codec/`; the first four bytes are a checksum over the rest and the key.
 */
export const FIRST = `
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value
) WITHOUT ROWID;

CREATE TABLE session (
  id INTEGER PRIMARY KEY,
  client_id TEXT NOT NULL UNIQUE,
  body BLOB NOT NULL
);

CREATE TABLE subscription (
  session INTEGER NOT NULL,
  filter TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (session, filter)
) WITHOUT ROWID;

-- bytes: what the message counts in the limits of a queue. message: where its body is, when several sessions share it.
CREATE TABLE queued (
  id INTEGER PRIMARY KEY,
  bytes INTEGER NOT NULL,
  message INTEGER,
  body BLOB NOT NULL
);

-- refs: rows of queued that name it.
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  refs INTEGER NOT NULL,
  body BLOB NOT NULL
);

-- A message after PUBREC has no row in queued any more.
CREATE TABLE inflight (
  id INTEGER PRIMARY KEY,
  packet_id INTEGER NOT NULL,
  state INTEGER NOT NULL
);

CREATE TABLE received (
  id INTEGER PRIMARY KEY
);

CREATE TABLE retained (
  id INTEGER PRIMARY KEY,
  topic TEXT NOT NULL UNIQUE,
  body BLOB NOT NULL
);
`;

/** Accounts, bans, settings and the like; their body holds kind and key, too. `id` is the order of insertion. */
export const RECORDS = `
CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (kind, key)
);
`;

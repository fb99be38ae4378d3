/** Messages that are to be published later; `id` grows with each. */
export const DELAYED = `
CREATE TABLE delayed (
  id INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);
`;

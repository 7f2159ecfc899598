-- Who is logged in to the console. Tokens are kept as their SHA-256 only.
-- Times are Unix nanoseconds.

CREATE TABLE console_session (
  hash    BLOB NOT NULL PRIMARY KEY,   -- of the token
  link    INTEGER NOT NULL,            -- 1: a login link that becomes a session when it is used
  expires INTEGER NOT NULL,
  data    TEXT NOT NULL                -- store.Session as JSON
) STRICT, WITHOUT ROWID;

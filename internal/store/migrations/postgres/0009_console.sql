-- Who is logged in to the console. Tokens are kept as their SHA-256 only.
-- Times are Unix nanoseconds.

CREATE TABLE console_session (
  hash    bytea NOT NULL PRIMARY KEY,
  link    bigint NOT NULL,
  expires bigint NOT NULL,
  data    text NOT NULL
);

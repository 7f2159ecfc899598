-- Several accounts behind one API: who is a member, what was analysed of whom
-- on which day, and who changed what. Times are Unix nanoseconds.

ALTER TABLE access_key ADD COLUMN account TEXT NOT NULL DEFAULT ''; -- '': the installation's own

CREATE TABLE member (
  account TEXT NOT NULL PRIMARY KEY,
  data    TEXT NOT NULL                -- store.Member as JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_day (
  day     INTEGER NOT NULL,            -- since 1970, UTC, on which it was analysed
  source  TEXT NOT NULL,
  account TEXT NOT NULL,
  region  TEXT NOT NULL,
  cluster TEXT NOT NULL,
  count   INTEGER NOT NULL,
  PRIMARY KEY (day, source, account, region, cluster)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  n    INTEGER PRIMARY KEY AUTOINCREMENT,
  at   INTEGER NOT NULL,
  data TEXT NOT NULL                   -- store.AuditEntry as JSON
) STRICT;

CREATE INDEX audit_at ON audit (at);

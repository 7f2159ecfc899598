-- Times are INTEGER Unix milliseconds, except those of the ledger and the keys,
-- which are nanoseconds. Text compares byte by byte.

CREATE TABLE meta (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE detector (
  id      TEXT NOT NULL PRIMARY KEY,
  deleted INTEGER NOT NULL DEFAULT 0,
  data    TEXT NOT NULL              -- finding.Detector as JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE filter (
  detector_id TEXT NOT NULL REFERENCES detector (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  action      TEXT NOT NULL,
  rank        INTEGER NOT NULL,
  data        TEXT NOT NULL,         -- finding.Filter as JSON
  PRIMARY KEY (detector_id, name)
) STRICT, WITHOUT ROWID;

-- What lists are sorted and filtered by most. Bodies are apart, so that a scan
-- of this table reads few pages.
CREATE TABLE finding (
  n             INTEGER PRIMARY KEY,
  detector_id   TEXT NOT NULL,
  id            TEXT NOT NULL,
  identity      TEXT UNIQUE,         -- NULL: a sample, which never merges
  account       TEXT NOT NULL,
  region        TEXT NOT NULL,
  type          TEXT NOT NULL,
  severity      REAL NOT NULL,
  created_ms    INTEGER NOT NULL,
  updated_ms    INTEGER NOT NULL,
  archived      INTEGER NOT NULL,
  feedback      TEXT,                -- NULL: none given
  comment       TEXT NOT NULL DEFAULT '',
  resource_type TEXT,
  resource_id   TEXT NOT NULL,
  stored_at     INTEGER NOT NULL,    -- wall clock, for retention
  UNIQUE (detector_id, id)
) STRICT;

-- The tails of the indexes let the common criteria be decided without the table.
CREATE INDEX finding_updated  ON finding (detector_id, updated_ms, id, archived, severity, type);
CREATE INDEX finding_current  ON finding (detector_id, archived, updated_ms, id, severity, type);
CREATE INDEX finding_type     ON finding (detector_id, type, updated_ms, id, archived, severity);
CREATE INDEX finding_severity ON finding (detector_id, severity, id, archived, type, updated_ms);
CREATE INDEX finding_stored   ON finding (stored_at);

CREATE TABLE finding_body (
  finding INTEGER PRIMARY KEY REFERENCES finding (n) ON DELETE CASCADE,
  wire    TEXT NOT NULL,             -- finding.Finding; archived and feedback above overrule it
  state   TEXT                       -- finding.State; NULL: a sample
) STRICT;

CREATE TABLE field (
  id   INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE
) STRICT;

-- Every flattened value that has no column above.
CREATE TABLE finding_field (
  finding INTEGER NOT NULL REFERENCES finding (n) ON DELETE CASCADE,
  field   INTEGER NOT NULL REFERENCES field (id),
  text    TEXT NOT NULL,
  num     REAL,                      -- NULL: the field's kind has no numbers
  PRIMARY KEY (finding, field, text)
) STRICT, WITHOUT ROWID;

CREATE INDEX finding_field_value ON finding_field (field, text, num);

CREATE TABLE state (
  scope TEXT NOT NULL,
  name  TEXT NOT NULL,
  data  BLOB NOT NULL,
  PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor (
  name TEXT NOT NULL PRIMARY KEY,
  data BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
  source  TEXT NOT NULL,
  account TEXT NOT NULL,
  region  TEXT NOT NULL,
  cluster TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason  TEXT NOT NULL,
  count   INTEGER NOT NULL,
  first   INTEGER,                   -- NULL: no record of it had a time
  last    INTEGER,
  PRIMARY KEY (source, account, region, cluster, outcome, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_key (
  id         TEXT NOT NULL PRIMARY KEY,
  role       TEXT NOT NULL,
  sealed     BLOB,
  created    INTEGER NOT NULL,
  revoked    INTEGER,                -- NULL: in force
  comment    TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

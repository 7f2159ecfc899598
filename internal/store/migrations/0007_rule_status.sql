-- What rules do, which there are, and how they are to be used.

CREATE TABLE rule_info (
  rule    TEXT NOT NULL PRIMARY KEY,   -- its id, or else its name or title
  version TEXT NOT NULL,               -- of its text
  known   INTEGER NOT NULL,            -- wall clock, when it was loaded first
  since   INTEGER NOT NULL,            -- likewise, in this version
  gone    INTEGER,                     -- when it was loaded no more; NULL while it is
  data    TEXT NOT NULL                -- store.RuleInfo as JSON
) STRICT, WITHOUT ROWID;

-- Counts of each shard, so that commits do not wait for each other.
CREATE TABLE rule_status (
  rule    TEXT NOT NULL,
  version TEXT NOT NULL,
  shard   INTEGER NOT NULL,
  matched INTEGER NOT NULL,            -- events
  found   INTEGER NOT NULL,            -- new findings
  would   INTEGER NOT NULL,            -- new findings that a dry run did not make
  last    INTEGER,                     -- event time of the newest match
  asked   INTEGER NOT NULL,            -- events of which the time was taken
  took    INTEGER NOT NULL,            -- nanoseconds, for those
  noted   INTEGER NOT NULL,            -- wall clock, when the row was written
  PRIMARY KEY (rule, version, shard)
) STRICT, WITHOUT ROWID;

-- By which rules a worker judges, and what is wrong with those it should.
CREATE TABLE rule_worker (
  name TEXT NOT NULL PRIMARY KEY,
  data TEXT NOT NULL                   -- store.RuleWorker as JSON
) STRICT, WITHOUT ROWID;

-- Associations and configurations of the organization.
CREATE TABLE rule_mode (
  id   TEXT NOT NULL PRIMARY KEY,
  data TEXT NOT NULL                   -- store.RuleMode as JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_mark (
  name TEXT NOT NULL PRIMARY KEY,
  n    INTEGER NOT NULL                -- counted up by every change of the modes
) STRICT, WITHOUT ROWID;

INSERT INTO rule_mark (name, n) VALUES ('modes', 0);

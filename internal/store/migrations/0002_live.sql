-- Shards and their workers, and what they leave behind. Times of leases are
-- Unix milliseconds, all others here nanoseconds.

CREATE TABLE worker (
  name    TEXT NOT NULL PRIMARY KEY,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE shard (
  n        INTEGER PRIMARY KEY,
  owner    TEXT NOT NULL DEFAULT '',  -- '': nobody
  epoch    INTEGER NOT NULL,          -- the fencing token
  journal  TEXT NOT NULL DEFAULT '',
  pos      INTEGER NOT NULL DEFAULT 0,
  expires  INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE seen (
  n          INTEGER PRIMARY KEY,      -- in the order of arrival
  scope      TEXT NOT NULL,
  generation INTEGER NOT NULL,
  keys       BLOB NOT NULL
) STRICT;

CREATE INDEX seen_scope ON seen (scope, generation);

CREATE TABLE source (
  source         TEXT NOT NULL,
  account        TEXT NOT NULL,
  region         TEXT NOT NULL,
  cluster        TEXT NOT NULL,
  first_received INTEGER,              -- NULL: nothing was received yet
  last_received  INTEGER,
  last_event     INTEGER,              -- NULL: no event had a time
  status         TEXT NOT NULL,
  issue          TEXT NOT NULL,
  updated        INTEGER NOT NULL,
  PRIMARY KEY (source, account, region, cluster)
) STRICT, WITHOUT ROWID;

-- The order is (era, xid, n). The era grows when the rows move to another
-- database; xid is of use in PostgreSQL only.
CREATE TABLE change (
  n           INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, though rows are pruned
  era         INTEGER NOT NULL,
  xid         INTEGER NOT NULL DEFAULT 0,
  kind        TEXT NOT NULL,
  detector_id TEXT NOT NULL,
  id          TEXT NOT NULL,
  data        BLOB,
  at          INTEGER NOT NULL
) STRICT;

CREATE INDEX change_order ON change (era, xid, n);

CREATE TABLE set_aside (
  n      INTEGER PRIMARY KEY AUTOINCREMENT,
  shard  INTEGER NOT NULL,
  pos    INTEGER NOT NULL,
  stream TEXT NOT NULL,
  reason TEXT NOT NULL,
  data   BLOB NOT NULL,
  at     INTEGER NOT NULL
) STRICT;

INSERT INTO meta (name, value) VALUES ('era', '0');

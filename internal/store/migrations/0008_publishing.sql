-- What targets of publishing were told, what they refused, how they are, and
-- the destinations that the API was given.

CREATE TABLE publish_item (
  target TEXT NOT NULL,
  key    TEXT NOT NULL,                -- a finding's, or that of an incident of several
  rev    INTEGER NOT NULL,             -- counted up by every write
  told   INTEGER NOT NULL,             -- wall clock of the last event, milliseconds
  due    INTEGER,                      -- when what waits is to be sent; NULL: nothing waits
  data   TEXT NOT NULL,                -- JSON, the follower's own
  PRIMARY KEY (target, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX publish_item_due ON publish_item (target, due) WHERE due IS NOT NULL;
CREATE INDEX publish_item_told ON publish_item (target, told);

CREATE TABLE publish_dead (
  n      INTEGER PRIMARY KEY AUTOINCREMENT,
  target TEXT NOT NULL,
  event  TEXT NOT NULL,                -- its id
  reason TEXT NOT NULL,
  data   TEXT NOT NULL,                -- JSON of the event
  at     INTEGER NOT NULL,             -- wall clock, nanoseconds
  resend INTEGER NOT NULL,             -- somebody wants it sent again
  UNIQUE (target, event)
) STRICT;

CREATE TABLE publish_status (
  target TEXT NOT NULL PRIMARY KEY,
  data   TEXT NOT NULL                 -- JSON, the follower's own
) STRICT, WITHOUT ROWID;

CREATE TABLE destination (
  id          TEXT NOT NULL PRIMARY KEY,
  detector_id TEXT NOT NULL,
  data        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

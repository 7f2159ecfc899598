-- What suppression rules have hidden: findings archived when they were new.

CREATE TABLE suppression (
  detector_id TEXT NOT NULL,
  name        TEXT NOT NULL,           -- of the filter
  type        TEXT NOT NULL,           -- of the findings
  hidden      INTEGER NOT NULL,
  first       INTEGER NOT NULL,        -- event times, milliseconds
  last        INTEGER NOT NULL,
  PRIMARY KEY (detector_id, name, type)
) STRICT, WITHOUT ROWID;

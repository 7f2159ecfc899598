-- The lists of the operator's that the API manages, and what they hold.

CREATE TABLE intel_list (
  id          TEXT NOT NULL PRIMARY KEY,
  detector_id TEXT NOT NULL REFERENCES detector (id) ON DELETE CASCADE,
  kind        TEXT NOT NULL,
  status      TEXT NOT NULL,
  data        TEXT NOT NULL            -- store.List as JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX intel_list_kind ON intel_list (detector_id, kind, id);

-- What is in force. Apart from the rows above, which are read every second.
CREATE TABLE intel_content (
  list TEXT NOT NULL PRIMARY KEY REFERENCES intel_list (id) ON DELETE CASCADE,
  data BLOB NOT NULL                   -- compressed
) STRICT;

-- Which state of the lists a worker judges by.
CREATE TABLE intel_worker (
  name       TEXT NOT NULL PRIMARY KEY,
  generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('lists', '0');

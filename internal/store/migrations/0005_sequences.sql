-- What may be steps of an attack: notes of findings and of what is harmless
-- alone, and edges between entities. The correlator follows the mark.

CREATE TABLE sequence_note (
  key    TEXT NOT NULL PRIMARY KEY,    -- of what notes that fold into one have in common
  strong INTEGER NOT NULL,             -- of a finding
  seen   INTEGER NOT NULL,             -- event time of the last sight, milliseconds
  data   TEXT NOT NULL                 -- JSON, the correlator's own
) STRICT, WITHOUT ROWID;

CREATE INDEX sequence_note_seen ON sequence_note (seen);

CREATE TABLE sequence_mark (
  name TEXT NOT NULL PRIMARY KEY,
  n    INTEGER NOT NULL                -- counted up by every commit that changes notes
) STRICT, WITHOUT ROWID;

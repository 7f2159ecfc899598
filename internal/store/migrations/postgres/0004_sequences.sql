-- What may be steps of an attack: notes of findings and of what is harmless
-- alone, and edges between entities. The correlator follows the mark.

CREATE TABLE sequence_note (
  key    text COLLATE "C" NOT NULL PRIMARY KEY,
  strong bigint NOT NULL,
  seen   bigint NOT NULL,
  data   text NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX sequence_note_seen ON sequence_note (seen);

CREATE TABLE sequence_mark (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  n    bigint NOT NULL
) WITH (fillfactor = 50);

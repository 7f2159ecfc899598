CREATE TABLE intel_list (
  id          text COLLATE "C" PRIMARY KEY,
  detector_id text COLLATE "C" NOT NULL REFERENCES detector (id) ON DELETE CASCADE,
  kind        text COLLATE "C" NOT NULL,
  status      text COLLATE "C" NOT NULL,
  data        text NOT NULL
);

CREATE INDEX intel_list_kind ON intel_list (detector_id, kind, id);

CREATE TABLE intel_content (
  list text COLLATE "C" PRIMARY KEY REFERENCES intel_list (id) ON DELETE CASCADE,
  data bytea NOT NULL
);

ALTER TABLE intel_content ALTER COLUMN data SET STORAGE EXTERNAL; -- it is compressed already

CREATE TABLE intel_worker (
  name       text COLLATE "C" PRIMARY KEY,
  generation bigint NOT NULL
) WITH (fillfactor = 50);

INSERT INTO meta (name, value) VALUES ('lists', '0');

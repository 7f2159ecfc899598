-- What rules do, which there are, and how they are to be used.

CREATE TABLE rule_info (
  rule    text COLLATE "C" NOT NULL PRIMARY KEY,
  version text COLLATE "C" NOT NULL,
  known   bigint NOT NULL,
  since   bigint NOT NULL,
  gone    bigint,
  data    text NOT NULL
);

-- Counts of each shard, so that commits do not wait for each other.
CREATE TABLE rule_status (
  rule    text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  shard   bigint NOT NULL,
  matched bigint NOT NULL,
  found   bigint NOT NULL,
  would   bigint NOT NULL,
  last    bigint,
  asked   bigint NOT NULL,
  took    bigint NOT NULL,
  noted   bigint NOT NULL,
  PRIMARY KEY (rule, version, shard)
) WITH (fillfactor = 50);

CREATE TABLE rule_worker (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  data text NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE rule_mode (
  id   text COLLATE "C" NOT NULL PRIMARY KEY,
  data text NOT NULL
);

CREATE TABLE rule_mark (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  n    bigint NOT NULL
) WITH (fillfactor = 50);

INSERT INTO rule_mark (name, n) VALUES ('modes', 0);

-- What suppression rules have hidden: findings archived when they were new.

CREATE TABLE suppression (
  detector_id text COLLATE "C" NOT NULL,
  name        text COLLATE "C" NOT NULL,
  type        text COLLATE "C" NOT NULL,
  hidden      bigint NOT NULL,
  first       bigint NOT NULL,
  last        bigint NOT NULL,
  PRIMARY KEY (detector_id, name, type)
) WITH (fillfactor = 50);

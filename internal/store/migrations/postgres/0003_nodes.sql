CREATE TABLE node (
  account text COLLATE "C" NOT NULL,
  region  text COLLATE "C" NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  name    text COLLATE "C" NOT NULL,
  seen    bigint NOT NULL,
  data    text NOT NULL,
  PRIMARY KEY (account, region, cluster, name)
) WITH (fillfactor = 50);

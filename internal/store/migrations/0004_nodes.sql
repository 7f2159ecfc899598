-- Nodes of clusters, and what is heard of their sensors.

CREATE TABLE node (
  account TEXT NOT NULL,
  region  TEXT NOT NULL,
  cluster TEXT NOT NULL,
  name    TEXT NOT NULL,
  seen    INTEGER NOT NULL,            -- by the wall clock, when something told of it last
  data    TEXT NOT NULL,               -- store.Node as JSON
  PRIMARY KEY (account, region, cluster, name)
) STRICT, WITHOUT ROWID;

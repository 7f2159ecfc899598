// Package ingest is where bytes come from: files read once or followed, and
// HTTP pushes. It frames records but does not look into them, and it answers
// for a record only after the sink behind it has said that it is safe.
package ingest

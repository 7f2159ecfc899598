// Package push sends logs that somebody has to a running server, as if they
// came just now: files once, or files that grow. Records keep their order, and
// a record counts as sent when the server has answered that it is on disk. What
// is sent twice counts once there, so whoever is not sure sends again.
package push

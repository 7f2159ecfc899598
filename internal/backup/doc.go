// Package backup is the file that a backup is: a tar archive, compressed by
// zstd, whose first entry, a manifest, names all others with their sizes and
// sums. It knows nothing of what is in them.
package backup

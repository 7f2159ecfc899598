// Package simulate writes the source records that make finding types fire:
// audit events as an API server logs them, never findings. They serve to try
// an installation from end to end.
package simulate

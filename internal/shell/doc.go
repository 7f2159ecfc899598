// Package shell reads what shells are told to run: command lines become
// pipelines of commands, with wrappers such as sudo taken off, scripts within
// scripts read, and payloads decoded where the line itself decodes them.
//
// It runs nothing and knows nothing of good and bad. Its input was written by
// anybody, so it is tolerant and bounded: every text gives a Script, in time
// and memory linear in Limit, and what could not be followed is left out with
// Cut set. It is no shell: what depends on files, on the environment or on the
// output of real programs stays as it is written, as in $HOME or $(hostname).
package shell

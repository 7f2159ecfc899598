// Package console is the web console: pages rendered on the server from
// html/template, pictures drawn as SVG, one script that makes comfortable what
// works without it. It reads and changes through the same API as every other
// client, as the person who is logged in, so that rights, limits, messages and
// the audit log are those of the API. What the API has no operation for it reads
// from the store, for the detector of the person's account.
package console

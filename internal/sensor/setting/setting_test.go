package setting

import (
	"strings"
	"testing"
)

// TestManaged: what a managed sensor may get beside what the server sets.
func TestManaged(t *testing.T) {
	for arg, want := range map[string]string{
		"--cpu-limit=300m":                  "",
		"--cpu-limit=64":                    "",
		"--cpu-limit=0.01":                  "",
		"--memory-limit=64Mi":               "",
		"--no-metadata":                     "",
		"--no-metadata=false":               "",
		"--kind=exec,fork":                  "",
		"--runtime-state=/run/a,/run/b":     "",
		"--pid=1":                           "",
		"--log-level=debug":                 "",
		"--cpu-limit=300":                   "--cpu-limit: 300 CPUs: it must be from 0.01 to 64; for 300 thousandths of a CPU write 300m",
		"--cpu-limit=5m":                    "0.005 CPUs: it must be from 0.01 to 64",
		"--cpu-limit=":                      "is not a number of CPUs",
		"--cpu-limit=NaN":                   "is not a number of CPUs",
		"--memory-limit=64M":                `"64M" is not a size, such as 256Mi`,
		"--memory-limit=1Mi":                "must be 64Mi or more",
		"--max-spool=0":                     "--max-spool",
		"--hash-limit=x":                    "--hash-limit",
		"--kind=status":                     `--kind: "status" is no kind of record to choose`,
		"--container=a,,b":                  "--container: an empty id",
		"--runtime-state=run":               "--runtime-state",
		"--pid=x":                           "--pid",
		"--pid=-1":                          "--pid -1 is no process",
		"--pid=4294967297":                  "is no process",
		"--no-metadata=maybe":               "--no-metadata",
		"--log-level=loud":                  "--log-level",
		"--log-format=xml":                  "--log-format",
		"--cpu-limits=1":                    "unknown flag: --cpu-limits; `vedette sensor --help` lists the flags",
		"--help":                            "prints its flags",
		"--cpu-limit":                       "flag needs an argument",
		"300m":                              "an argument is a flag with its value",
		"-h":                                "an argument is a flag with its value",
		"--":                                "an argument is a flag with its value",
		"--server=https://vedette.internal": "this server sets the flag itself",
		"--node=a":                          "this server sets the flag itself",
		"--stdout":                          "this server sets the flag itself",
	} {
		err := CheckManaged(arg)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
	if CheckManagedAll([]string{"--cert-file=/host/c"}) == nil || CheckManagedAll([]string{"--cert-file=/host/c", "--key-file=/host/k"}) != nil {
		t.Error("a certificate and its key belong together")
	}
}

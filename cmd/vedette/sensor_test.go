package main

import (
	"io"
	"log/slog"
	"strings"
	"testing"
)

// TestSensorFlags: what is wrong is said by the flag's name.
func TestSensorFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--stdout --runtime-state run/containerd":          "--runtime-state",
		"--stdout --server https://vedette.internal":       "--server",
		"--stdout --cpu-limit much":                        "--cpu-limit",
		"--stdout --cpu-limit 300":                         "300m",
		"--stdout --memory-limit 1Mi":                      "--memory-limit",
		"--stdout --max-spool lots":                        "--max-spool",
		"--stdout --kind nonsense":                         "--kind",
		"--stdout --log-level loud":                        "--log-level",
		"--stdout --pid -1":                                "--pid",
		"--stdout --runtime-state /run/a,/run/b":           "",
		"--stdout --no-metadata --build-image reg.test/kk": "",
	} {
		cmd := sensorCommand(streams{out: io.Discard, err: io.Discard})
		var f sensorFlags
		cmd.ResetFlags()
		f.Register(cmd)
		if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		err := f.finish(slog.New(slog.DiscardHandler))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

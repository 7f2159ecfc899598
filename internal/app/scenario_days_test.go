package app

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// everyDay writes out what a file of a scenario that ends in .days stands for:
// what is unusual shows only beside a past, which would make a scenario long. Its
// first line is such as
//
//	every 1h from 2026-01-01T00:00:00Z for 192h
//
// and every line after it is a record that is there as often, with its time and
// number in place of @TIME@ and @N@.
func everyDay(t *testing.T, data []byte) []byte {
	t.Helper()
	head, rest, _ := strings.Cut(string(data), "\n")
	var every, from, long string
	if _, err := fmt.Sscanf(head, "every %s from %s for %s", &every, &from, &long); err != nil {
		t.Fatalf("%q: %v", head, err)
	}
	period, err1 := time.ParseDuration(every)
	start, err2 := time.Parse(time.RFC3339, from)
	whole, err3 := time.ParseDuration(long)
	if err1 != nil || err2 != nil || err3 != nil || period <= 0 {
		t.Fatalf("%q: %v, %v, %v", head, err1, err2, err3)
	}
	lines := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	var out bytes.Buffer
	n := 0
	for round := start; round.Before(start.Add(whole)); round = round.Add(period) {
		for i, line := range lines {
			n++
			at := round.Add(period / time.Duration(len(lines)) * time.Duration(i)).Truncate(time.Second)
			out.WriteString(strings.NewReplacer("@TIME@", at.Format(time.RFC3339), "@N@", fmt.Sprint(n)).Replace(line) + "\n")
		}
	}
	return out.Bytes()
}

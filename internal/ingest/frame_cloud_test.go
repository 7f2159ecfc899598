package ingest

import (
	"fmt"
	"strings"
	"testing"
)

// TestCloudLists: what Azure Monitor and a pull from Pub/Sub write as one list,
// however long, is read record by record.
func TestCloudLists(t *testing.T) {
	want := make([]string, 9000)
	for i := range want {
		want[i] = fmt.Sprintf(`{"id":"%d","x":"%s"}`, i, strings.Repeat("y", 2500))
	}
	for _, key := range []string{"records", "receivedMessages"} {
		for name, in := range map[string]string{
			"one line":   `{"` + key + `":[` + strings.Join(want, ",") + `]}`,
			"many lines": "{\n  \"" + key + "\": [\n    " + strings.Join(want, ",\n    ") + "\n  ]\n}\n",
		} {
			t.Run(key+"/"+name, func(t *testing.T) {
				got, cut := records(t, strings.NewReader(in))
				if len(got) != len(want) || cut != 0 {
					t.Fatalf("%d records, %d of them cut, want %d", len(got), cut, len(want))
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("record %d differs", i)
					}
				}
			})
		}
	}
}

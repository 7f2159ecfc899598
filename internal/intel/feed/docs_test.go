package feed

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of feeds into the documentation")

// TestDocs: the documentation has every feed of the catalogue, as it is.
func TestDocs(t *testing.T) {
	const path, start, end = "../../../docs/feeds.md", "-update -->\n", "<!-- end -->"
	sources, err := Catalog()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| feed | holds | category | on | use | licence or terms | note |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, s := range sources {
		on := "–"
		if s.On {
			on = "**on**"
		}
		fmt.Fprintf(&b, "| `%s` | [%s](%s) | %s | %s | %s | %s | %s |\n", s.Name, s.Title, s.Home, s.Category, on, s.Commercial, s.Licence, s.Note)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(text), start)
	table, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+start+b.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != b.String() {
		t.Errorf("%s is not what the catalogue says; go test ./internal/intel/feed -run TestDocs -update", path)
	}
}

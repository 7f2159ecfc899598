package detect

import (
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/shell"
)

// TestTools: each tool is known in its example, by each of its names, and is not
// seen in what is near.
func TestTools(t *testing.T) {
	s := attackTools()
	if len(s.list) < 60 {
		t.Errorf("only %d tools", len(s.list))
	}
	in := func(line string) []*tool {
		found, _ := s.in(shell.Read(line).Flat())
		return found
	}
	for _, k := range s.list {
		if !slices.Contains([]string{"Network Scanner", "Network Sniffer", "Pentest Tool", "Backdoor Tool"}, k.category) {
			t.Errorf("%s has the category %q", k.name, k.category)
		}
		if !slices.Contains(in(k.fires), k) {
			t.Errorf("%s is not known in %s", k.name, k.fires)
		}
		if slices.Contains(in(k.near), k) {
			t.Errorf("%s is seen in %s", k.name, k.near)
		}
		for _, p := range k.programs {
			name := strings.ReplaceAll(p, "*", "x")
			if found := in("/tmp/" + name + " 10.0.0.5"); !slices.Contains(found, k) {
				t.Errorf("%s is not known as %s: %v", k.name, name, found)
			}
		}
	}
}

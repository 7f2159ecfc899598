package feed

import (
	"os"
	"testing"
)

// TestUnreadable: what cannot be read of one feed is shown at that feed alone,
// and is mended when its publisher is asked again.
func TestUnreadable(t *testing.T) {
	w := newWorld(t, Source{Name: "a"}, Source{Name: "b"})
	w.list("11.22.33.44\n")
	w.mustUpdate()
	block := func(suffix string) { // a folder can be read by nobody as a file, whoever runs this
		t.Helper()
		path := w.u.path("b", suffix)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	look := func(what, state string, loaded int) {
		t.Helper()
		all := w.u.Status()
		if all[0].State != OK || all[0].Entries != 1 || all[1].State != state || (all[1].Reason != "") != (state != OK) {
			t.Errorf("%s: %+v", what, all)
		}
		n := 0
		err := w.u.Load("b", func(Entry) error { n++; return nil })
		if n != loaded || (err == nil) != (loaded > 0) {
			t.Errorf("%s: %d entries, %v", what, n, err)
		}
	}
	look("at first", OK, 1)
	block(stateSuffix)
	look("without its state", Unreadable, 1)
	if got := w.u.due(); len(got) != 0 { // a publisher is not asked again and again for what cannot be kept
		t.Errorf("due are %v", got)
	}
	if err := os.Remove(w.u.path("b", stateSuffix)); err != nil {
		t.Fatal(err)
	}
	w.mustUpdate()
	look("fetched again", OK, 1)
	block(goodSuffix)
	look("without its list", Unreadable, 0)
	if err := os.Remove(w.u.path("b", goodSuffix)); err != nil {
		t.Fatal(err)
	}
	w.mustUpdate()
	look("mended", OK, 1)
}

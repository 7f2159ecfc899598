package app

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"

	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestListLife goes the way of a list, on a real S3 server.
func TestListLife(t *testing.T) {
	t.Parallel()
	server := testbed.S3(t)
	server.Bucket("lists")
	bothStores(t, func(t *testing.T, st *store.Store, again func() *store.Store) {
		server.Put("lists", "bad.txt", []byte("203.0.113.7\nbad.example.org\n"), nil)
		w := newListWorld(t, st, fromS3(server))
		id := w.bad("s3://lists/bad.txt")
		w.want(id, "ACTIVATING", "")
		w.wantInForce("")
		w.round()
		w.want(id, "ACTIVE", "")
		g1 := w.wantInForce("203.0.113.7 bad.example.org")

		// The source changes: it is seen by itself, in a minute.
		server.Put("lists", "bad.txt", []byte("203.0.113.8\n"), nil)
		w.round()
		w.wantInForce("203.0.113.7 bad.example.org")
		w.later(lookEvery)
		w.want(id, "ACTIVE", "")
		g2 := w.wantInForce("203.0.113.8")

		// To garbage, and away: what was good stays, and why is said.
		server.Put("lists", "bad.txt", []byte("203.0.113.9\nwhat is this?\n"), nil)
		w.later(lookEvery)
		w.want(id, "ACTIVE", "line 2: ")
		w.want(id, "ACTIVE", "stays in force, 1 entries")
		server.Delete("lists", "bad.txt")
		w.later(lookEvery)
		w.want(id, "ACTIVE", "there is no such object")
		if g := w.wantInForce("203.0.113.8"); g1 >= g2 || g != g2 {
			t.Errorf("generations %d, %d, then %d with nothing new", g1, g2, g)
		}
		// Other processes, and those to come, see the same without the source.
		other := &ActiveLists{Store: again(), Worker: "w2"}
		if got, g := inForce(t, other); got != "203.0.113.8" || g != g2 {
			t.Errorf("another process has %s of %d", got, g)
		}
		w.update(id, activate(true))
		w.want(id, "ACTIVATING", "")
		w.round()
		w.want(id, "ERROR", "there is no such object")
		w.want(id, "ERROR", "stays in force, 1 entries")
		w.wantInForce("203.0.113.8")
		server.Put("lists", "bad.txt", []byte("203.0.113.8\n"), nil) // as it was
		w.later(lookEvery)
		w.want(id, "ACTIVE", "")
		w.wantInForce("203.0.113.8")

		w.update(id, activate(false))
		w.want(id, "DEACTIVATING", "")
		w.wantInForce("203.0.113.8")
		w.round()
		w.want(id, "INACTIVE", "")
		w.wantInForce("")
		w.later(lookEvery)
		w.want(id, "INACTIVE", "")

		w.update(id, activate(true))
		w.round()
		w.wantInForce("203.0.113.8")
		if _, err := w.client.DeleteThreatEntitySet(t.Context(), &guardduty.DeleteThreatEntitySetInput{DetectorId: w.det, ThreatEntitySetId: &id}); err != nil {
			t.Fatal(err)
		}
		w.want(id, "DELETE_PENDING", "")
		w.round()
		w.want(id, "DELETED", "")
		w.wantInForce("")
	})
}

// TestListLocations: one object by all the ways there are to name it, and the
// other places that lists may be in.
func TestListLocations(t *testing.T) {
	server := testbed.S3(t)
	server.Bucket("lists")
	server.Put("lists", "a/bad guys.txt", []byte("203.0.113.1\n"), nil)
	url, trust := web(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(rw, r, "/bad.txt", http.StatusFound)
			return
		}
		fmt.Fprintln(rw, "203.0.113.2")
	})
	dir := t.TempDir()
	write(t, dir+"/bad.txt", "203.0.113.3\n")
	for location, want := range map[string]string{
		"s3://lists/a/bad guys.txt":                                 "203.0.113.1",
		"https://s3.amazonaws.com/lists/a/bad%20guys.txt":           "203.0.113.1",
		"https://s3.eu-west-1.amazonaws.com/lists/a/bad%20guys.txt": "203.0.113.1",
		"http://lists.s3-eu-west-1.amazonaws.com/a/bad%20guys.txt":  "203.0.113.1",
		url + "/bad.txt":             "203.0.113.2",
		url + "/moved":               "203.0.113.2",
		"file://" + dir + "/bad.txt": "203.0.113.3",
	} {
		w := newListWorld(t, sqliteStore(t), func(o *ListOptions) { fromS3(server)(o); trust(o); o.Folders = []string{"/elsewhere", dir} })
		id := w.bad(location)
		w.round()
		w.want(id, "ACTIVE", "")
		w.wantInForce(want)
	}
	// A URL of the configured store is an object of it, read with credentials.
	w := newListWorld(t, sqliteStore(t), func(o *ListOptions) { fromS3(server)(o); o.Endpoint = "https" + strings.TrimPrefix(o.Endpoint, "http") })
	id := w.bad(w.lists.Endpoint + "/lists/a/bad%20guys.txt")
	w.round()
	w.want(id, "ACTIVE", "")
}

// TestListRead: each source is read again only when it has changed.
func TestListRead(t *testing.T) {
	reads, text, tag := 0, "203.0.113.1\n", `"one"`
	url, trust := web(t, func(rw http.ResponseWriter, r *http.Request) {
		if tag != "" {
			rw.Header().Set("ETag", tag)
		}
		if tag != "" && r.Header.Get("If-None-Match") == tag {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		reads++
		fmt.Fprint(rw, text)
	})
	w := newListWorld(t, sqliteStore(t), trust)
	id := w.bad(url)
	step := func(what string, after time.Duration, want int) {
		t.Helper()
		w.later(after)
		if reads != want {
			t.Errorf("%s: read %d times, want %d", what, reads, want)
		}
	}
	step("activation", 0, 1)
	step("at once again", 0, 1)
	step("unchanged", lookEvery, 1)
	text, tag = "203.0.113.2\n", `"two"`
	step("changed", lookEvery, 2)
	w.wantInForce("203.0.113.2")
	text, tag = "garbage", `"three"`
	step("to garbage", lookEvery, 3)
	step("still garbage", lookEvery, 3)
	w.want(id, "ACTIVE", "line 1")
	text, tag = "203.0.113.2\n", `"two"`
	step("back to what it was", lookEvery, 4)
	w.want(id, "ACTIVE", "")
	w.update(id, activate(true)) // whatever the source says of itself
	step("activated again", 0, 5)
	tag = ""
	step("without a tag", lookEvery, 6)
	step("no tag: rarely", lookEvery, 6)
	step("no tag: rarely", lookRarely, 7)
	w.want(id, "ACTIVE", "")
}

// TestListAdoption: a list is ACTIVE when all workers judge by it, and gone when
// none does any more.
func TestListAdoption(t *testing.T) {
	t.Parallel()
	bothStores(t, func(t *testing.T, st *store.Store, again func() *store.Store) {
		url, trust := web(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "203.0.113.1") })
		w := newListWorld(t, st, trust)
		workers := []*ActiveLists{w.active, {Store: again(), Worker: "w2", Sleep: w.sleep}}
		for _, a := range workers {
			if _, err := st.Heartbeat(t.Context(), a.Worker, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		id := w.bad(url)
		seen, waits, waiting := []int64{0, 0}, 0, "ACTIVATING"
		w.slept = func() { // the second worker is slower than the first
			w.want(id, waiting, "")
			waits++
			for i, a := range workers[:waits] {
				_, now := inForce(t, a)
				if now == seen[i] {
					continue
				}
				if err := a.Changes(t.Context(), seen[i]); err != nil {
					t.Error(err)
				}
				seen[i] = now
				if err := a.Adopted(t.Context(), now); err != nil {
					t.Error(err)
				}
			}
		}
		w.round()
		w.want(id, "ACTIVE", "")
		if waits != 2 {
			t.Errorf("%d waits, want 2", waits)
		}
		waits, waiting = 0, "DEACTIVATING"
		w.update(id, activate(false))
		w.round()
		w.want(id, "INACTIVE", "")
		if waits != 2 {
			t.Errorf("%d waits, want 2", waits)
		}

		// Who does not answer holds nobody up for ever.
		w.slept = nil
		w.update(id, activate(true))
		before := w.clock()
		w.round()
		w.want(id, "ACTIVE", "")
		if took := w.clock().Sub(before); took < adoptFor || took > 2*adoptFor {
			t.Errorf("it was waited for %s", took)
		}
	})
}

// TestListTakenOver: a process that ends in the middle leaves nothing undone.
func TestListTakenOver(t *testing.T) {
	reads := 0
	url, trust := web(t, func(rw http.ResponseWriter, _ *http.Request) { reads++; fmt.Fprintln(rw, "203.0.113.1") })
	w := newListWorld(t, sqliteStore(t), trust)
	id := w.bad(url)
	l, err := w.store.ListOf(t.Context(), *w.det, store.ThreatEntitySet, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.lists.fetch(t.Context(), &l, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := w.store.SettleList(t.Context(), l, store.ListOutcome{Status: store.ListActivating, Content: got.content}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	w.want(id, "ACTIVATING", "") // it ended here
	w.wantInForce("203.0.113.1")
	w.round()
	w.want(id, "ACTIVE", "")
	if reads != 1 {
		t.Errorf("read %d times", reads)
	}
}

// TestListOvertaken: what is wished while a list is read counts, not what was
// wished before.
func TestListOvertaken(t *testing.T) {
	var w *listWorld
	var id string
	var meanwhile func()
	url, trust := web(t, func(rw http.ResponseWriter, r *http.Request) {
		if do := meanwhile; do != nil {
			meanwhile = nil
			do()
		}
		fmt.Fprintln(rw, "203.0.113."+strings.TrimPrefix(r.URL.Path, "/"))
	})
	w = newListWorld(t, sqliteStore(t), trust)
	id = w.bad(url + "/1")
	meanwhile = func() {
		w.update(id, func(in *guardduty.UpdateThreatEntitySetInput) { in.Location = aws.String(url + "/2") })
	}
	w.round()
	w.want(id, "ACTIVATING", "")
	w.wantInForce("")
	w.round()
	w.want(id, "ACTIVE", "")
	w.wantInForce("203.0.113.2")

	w.update(id, activate(true))
	meanwhile = func() { w.update(id, activate(false)) }
	w.round()
	w.want(id, "DEACTIVATING", "")
	w.round()
	w.want(id, "INACTIVE", "")
	w.wantInForce("")
}

// TestListsKept: names and kinds come to the workers, in one order whatever the
// order of making, and a rename, too.
func TestListsKept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.txt", "203.0.113.1\n10.0.0.0/8\n")
	w := newListWorld(t, sqliteStore(t), func(o *ListOptions) { o.Folders = []string{dir} })
	location := "file://" + dir + "/a.txt"
	for _, k := range []store.ListKind{store.ThreatEntitySet, store.TrustedEntitySet, store.ThreatIntelSet, store.IPSet} {
		w.create(k, "TXT", location)
	}
	w.round()
	lists, generation, err := w.active.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lists {
		got = append(got, fmt.Sprint(l.Name, l.Trusted(), l.Entries, l.Format, len(l.SHA256)))
	}
	// What is private is trusted where that was said, and is no threat.
	want := []string{"list of ipset true 2 TXT 64", "list of threatentityset false 1 TXT 64", "list of threatintelset false 1 TXT 64", "list of trustedentityset true 2 TXT 64"}
	if strings.ReplaceAll(strings.Join(got, "|"), " ", "") != strings.ReplaceAll(strings.Join(want, "|"), " ", "") {
		t.Errorf("lists %q, want %q", got, want)
	}
	w.update(lists[1].ID, func(in *guardduty.UpdateThreatEntitySetInput) { in.Name = aws.String("renamed") })
	if err := w.active.Changes(t.Context(), generation); err != nil {
		t.Error(err)
	}
	lists, now, err := w.active.Load(t.Context())
	if err != nil || now == generation || !slices.ContainsFunc(lists, func(l ActiveList) bool { return l.Name == "renamed" }) {
		t.Errorf("generation %d after %d: %+v, %v", now, generation, lists, err)
	}
	part, err := ListsPart(lists)
	if err != nil || len(part.Lists()) != 4 {
		t.Errorf("the part has %+v, %v", part.Lists(), err)
	}
	for _, l := range part.Lists() {
		if l.SHA256 != lists[0].SHA256 || l.Kind != intel.KindAPI || l.Entries == 0 {
			t.Errorf("the part has the list %+v", l)
		}
	}
	lists[0].SHA256 = strings.Repeat("0", 64)
	part, err = ListsPart(lists)
	if err == nil || !strings.Contains(err.Error(), "damaged") || len(part.Lists()) != 3 {
		t.Errorf("content that is not what was read: %+v, %v", part.Lists(), err)
	}
}

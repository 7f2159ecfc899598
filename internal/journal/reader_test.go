package journal_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/testbed"
)

func TestLargeMessages(t *testing.T) {
	j := embedded(t, t.TempDir(), func(o *journal.Options) { o.MaxBytes = 1 << 30 })
	if n := j.MaxMessage(); n < 31<<20 {
		t.Fatal(n)
	}
	r := j.Read(0, 0)
	var want [][]byte
	for i, n := range []int{10, j.MaxMessage(), 5 << 20, 0, 100 << 10} {
		want = append(want, noise(n))
		if _, err := j.Append(t.Context(), 0, strings.Repeat("i", 64)+strconv.Itoa(i), want[i]); err != nil {
			t.Fatal(n, err)
		}
		if m := next(t, r); m.Position != uint64(i+1) || !bytes.Equal(m.Data, want[i]) || m.Stored.IsZero() {
			t.Fatalf("position %d, %d bytes, want %d", m.Position, len(m.Data), n)
		}
	}
	// All at once, from the beginning.
	r2 := j.Read(0, 1)
	for _, w := range want[1:] {
		if m := next(t, r2); !bytes.Equal(m.Data, w) {
			t.Fatal(m.Position, len(m.Data), len(w))
		}
	}
	if _, err := j.Append(t.Context(), 0, "", make([]byte, j.MaxMessage()+1)); !errors.Is(err, journal.ErrTooLarge) {
		t.Fatal(err)
	}
}

func TestRewound(t *testing.T) {
	dir := t.TempDir()
	j := embedded(t, dir)
	appendN(t, j, 0, 1, 5)
	before, err := j.State(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	j = embedded(t, dir)
	if s, err := j.State(t.Context(), 0); err != nil || s != before {
		t.Fatalf("%+v %+v %v", before, s, err)
	}
	expect(t, j.Read(0, 3), 4, 4, 2)
	if err := errors.Join(j.Close(t.Context()), os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
	j = embedded(t, dir)
	if s, err := j.State(t.Context(), 0); err != nil || s.ID == before.ID || s.Last != 0 {
		t.Fatalf("%+v %+v %v", before, s, err)
	}
	if _, err := j.Read(0, 5).Next(t.Context()); !errors.Is(err, journal.ErrRewound) {
		t.Fatal(err)
	}
}

// TestReaderClose: a reader can be closed whatever it is doing.
func TestReaderClose(t *testing.T) {
	j := embedded(t, t.TempDir())
	appendN(t, j, 0, 1, 50)
	for after := range uint64(60) {
		r := j.Read(0, after%51)
		if after%2 == 0 {
			_, _, _ = r.TryNext(t.Context()) // whatever it has
		}
		r.Close()
		r.Close()
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.Read(0, 0).Close()
	j.Trim(0, 3)
}

func client(t *testing.T, c *testbed.NATS) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(strings.Join(c.URLs(), ","))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestStreamsOfOthers(t *testing.T) {
	c := testbed.NATSCluster(t, 1)
	js := client(t, c)
	o := external(c)
	o.Replicas = 1
	for name, config := range map[string]jetstream.StreamConfig{
		"a": {Name: "a-journal-0", Subjects: []string{"something"}},
		"b": {Name: "other", Subjects: []string{"b.>"}},
	} {
		if _, err := js.CreateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		o.Name = name
		j, err := journal.Open(t.Context(), o)
		if err == nil {
			_ = j.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), "journal.nats.name") {
			t.Fatal(err)
		}
		t.Log(err)
	}
}

// TestLimitsChange: an existing stream gets the configured limits, keeps what
// is in it, and keeps what an operator has set besides.
func TestLimitsChange(t *testing.T) {
	c := testbed.NATSCluster(t, 3)
	js := client(t, c)
	o := external(c)
	o.Replicas = 1
	j := open(t, o)
	data := noise(100 << 10)
	for range 10 {
		if _, err := j.Append(t.Context(), 0, "", data); err != nil {
			t.Fatal(err)
		}
	}
	_ = j.Close(context.Background())
	stream, err := js.Stream(t.Context(), "vedette-journal-0")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	id := config.Metadata
	config.Description, config.MaxMsgs = "mine", 1000
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	o.Replicas, o.MaxBytes = 3, 1<<20 // less than is there
	j = open(t, o)
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	is := info.Config
	if is.Replicas != 3 || is.MaxBytes != 512<<10 || is.MaxMsgs != -1 || is.Description != "mine" || is.Metadata["vedette-journal-id"] != id["vedette-journal-id"] {
		t.Fatalf("%+v", is)
	}
	start := time.Now()
	_, err = j.Append(t.Context(), 0, "", data)
	for errors.Is(err, journal.ErrUnavailable) && time.Since(start) < 30*time.Second { // it moves
		_, err = j.Append(t.Context(), 0, "", data)
	}
	if !errors.Is(err, journal.ErrFull) {
		t.Fatal(err)
	}
	r := j.Read(0, 0)
	for i := range 10 {
		if m := next(t, r); m.Position != uint64(i+1) || !bytes.Equal(m.Data, data) {
			t.Fatal(m.Position)
		}
	}
}

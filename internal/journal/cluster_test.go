package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/testbed"
)

func external(c *testbed.NATS) journal.Options {
	return journal.Options{URLs: c.URLs(), Shards: 2, MaxBytes: 256 << 20}
}

// appendUntil appends one message until the journal takes it, as ingest does.
func appendUntil(t *testing.T, j *journal.Journal, shard, i int) uint64 {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; {
		start := time.Now()
		p, err := j.Append(t.Context(), shard, fmt.Sprint("id-", i), payload(i))
		if err == nil {
			return p
		}
		if !errors.Is(err, journal.ErrUnavailable) || time.Since(start) > 6*time.Second || time.Now().After(end) {
			t.Fatalf("after %s: %v", time.Since(start), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestCluster(t *testing.T) {
	c := testbed.NATSCluster(t, 3)
	j := open(t, external(c))
	r := j.Read(0, 0)
	appendN(t, j, 0, 1, 20)
	expect(t, r, 1, 1, 20)
	if err := j.Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}

	t.Run("leader dies", func(t *testing.T) {
		dead := c.KillLeader("vedette-journal-0")
		for i := 21; i <= 40; i++ {
			if p := appendUntil(t, j, 0, i); p != uint64(i) {
				t.Fatal(p)
			}
		}
		expect(t, r, 21, 21, 20)
		c.StartNode(dead)
		c.WaitReady()
	})
	t.Run("leader is cut off", func(t *testing.T) {
		cut := c.WaitLeader("vedette-journal-0")
		c.Isolate(cut)
		for i := 41; i <= 60; i++ {
			if p := appendUntil(t, j, 0, i); p != uint64(i) {
				t.Fatal(p)
			}
		}
		c.Rejoin(cut)
		expect(t, r, 41, 41, 20)
		c.WaitReady()
	})
	t.Run("all restart", func(t *testing.T) {
		for i := range 3 {
			c.StopNode(i)
		}
		start := time.Now()
		if _, err := j.Append(t.Context(), 0, "id-61", payload(61)); !errors.Is(err, journal.ErrUnavailable) || time.Since(start) > 6*time.Second {
			t.Fatal(time.Since(start), err)
		}
		if err := j.Healthy(t.Context()); !errors.Is(err, journal.ErrUnavailable) {
			t.Fatal(err)
		}
		for i := range 3 {
			c.StartNode(i)
		}
		if p := appendUntil(t, j, 0, 61); p != 61 {
			t.Fatal(p)
		}
		expect(t, r, 61, 61, 1)
	})
	t.Run("no quorum", func(t *testing.T) {
		c.WaitReady()
		c.StopNode(0)
		c.StopNode(1)
		start := time.Now()
		if _, err := j.Append(t.Context(), 0, "id-62", payload(62)); !errors.Is(err, journal.ErrUnavailable) || time.Since(start) > 6*time.Second {
			t.Fatal(time.Since(start), err)
		}
		c.StartNode(0)
		c.StartNode(1)
		if p := appendUntil(t, j, 0, 62); p != 62 {
			t.Fatal(p)
		}
		expect(t, r, 62, 62, 1)
	})
}

// TestReaderIsCutOff: a process that only reads talks to a server that was cut
// off from the others.
func TestReaderIsCutOff(t *testing.T) {
	c := testbed.NATSCluster(t, 3)
	o := external(c)
	j := open(t, o)
	leader := c.WaitLeader("vedette-journal-0")
	cut, well := (leader+1)%3, (leader+2)%3
	_ = j.Close(context.Background())
	o.URLs = []string{c.URL(well)}
	j = open(t, o)
	o.URLs = c.URLs()
	reading := open(t, o)
	for reading.ReadServer() != fmt.Sprintf("node-%d", cut) {
		_ = reading.Close(context.Background())
		reading = open(t, o) // it chooses at random
	}
	r := reading.Read(0, 0)
	appendN(t, j, 0, 1, 3)
	expect(t, r, 1, 1, 3)
	c.Isolate(cut)
	for i := 4; i < 10; i++ {
		appendUntil(t, j, 0, i)
	}
	start := time.Now()
	expect(t, r, 4, 4, 6)
	t.Logf("read after %s", time.Since(start))
	for end := time.Now().Add(60 * time.Second); ; {
		err := reading.Healthy(t.Context())
		if err == nil {
			break
		}
		if !errors.Is(err, journal.ErrUnavailable) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	t.Logf("healthy after %s", time.Since(start))
}

func TestOpenRefuses(t *testing.T) {
	one := testbed.NATSCluster(t, 1)
	without := testbed.NATSWith(t, 1, testbed.NATSOptions{WithoutJetStream: true})
	secret := testbed.NATSWith(t, 1, testbed.NATSOptions{Username: "vedette", Password: "right", TLS: true})
	for name, test := range map[string]struct {
		cluster *testbed.NATS
		change  func(*journal.Options)
		want    string
	}{
		"too few servers":  {one, func(*journal.Options) {}, "journal.nats.replicas"},
		"no JetStream":     {without, func(*journal.Options) {}, "journal.nats.url"},
		"wrong password":   {secret, func(o *journal.Options) { o.Username, o.Password, o.CAFile = "vedette", "wrong", secret.CAFile }, "journal.nats.username"},
		"unknown CA":       {secret, func(o *journal.Options) { o.Username, o.Password = "vedette", "right" }, "journal.nats.caFile"},
		"TLS without need": {one, func(o *journal.Options) { o.CAFile = secret.CAFile }, "journal.nats.caFile"},
		"nobody there":     {one, func(o *journal.Options) { o.URLs = []string{"nats://127.0.0.1:1"} }, "journal.nats.url"},
		"bad replicas":     {one, func(o *journal.Options) { o.Replicas = 2 }, "journal.nats.replicas"},
		"bad name":         {one, func(o *journal.Options) { o.Name = "a.b" }, "journal.nats.name"},
		"too small":        {one, func(o *journal.Options) { o.Replicas, o.MaxBytes = 1, 1000 }, "journal.maxBytes"},
	} {
		t.Run(name, func(t *testing.T) {
			o := external(test.cluster)
			test.change(&o)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			j, err := journal.Open(ctx, o)
			if err == nil {
				_ = j.Close(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			t.Log(err)
		})
	}
	o := external(secret)
	o.Username, o.Password, o.CAFile, o.Replicas = "vedette", "right", secret.CAFile, 1
	j := open(t, o)
	appendN(t, j, 1, 1, 3)
	expect(t, j.Read(1, 0), 1, 1, 3)
}

// TestOpenBeforeAll: a journal is opened while a server of a new cluster has
// yet to start.
func TestOpenBeforeAll(t *testing.T) {
	c := testbed.NATSWith(t, 3, testbed.NATSOptions{Later: 1})
	o := external(c)
	o.URLs = o.URLs[:2]
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if j, err := journal.Open(ctx, o); err == nil {
		_ = j.Close(t.Context())
		t.Fatal("three replicas on two servers")
	} else if t.Log(err); !strings.Contains(err.Error(), "journal.nats.replicas") {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { c.StartNode(2) })
	j := open(t, o)
	appendN(t, j, 0, 1, 3)
	expect(t, j.Read(0, 0), 1, 1, 3)
}

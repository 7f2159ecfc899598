package decode

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

var someIndicators = []event.Indicator{
	{Category: "c2", Entry: "203.0.113.7", List: "feed \"x\"\n", Names: []string{"a", "b"}},
	{Category: "custom", Entry: "evil.example.org", List: "mine", Below: true},
}

// TestIndicators: what is encoded comes back as one event, in the scope of its
// chunk and at the time that it names.
func TestIndicators(t *testing.T) {
	at := time.Date(2026, 5, 1, 2, 3, 4, 5, time.UTC)
	data, err := EncodeIndicators(at, someIndicators)
	if err != nil {
		t.Fatal(err)
	}
	sc := event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "prod"}
	b := &Batch{}
	new(Decoder).Decode(&event.Chunk{Source: event.Intel, Scope: sc, Data: data, Received: at.Add(time.Hour)}, b)
	if len(b.Events) != 1 || len(b.Rejects) != 0 {
		t.Fatalf("%d events, %v", len(b.Events), b.Rejects)
	}
	ev := &b.Events[0]
	if ev.Source != event.Intel || ev.Scope != sc || !ev.Time.Equal(at) {
		t.Errorf("%s %v %v", ev.Source, ev.Scope, ev.Time)
	}
	if d := cmp.Diff(someIndicators, ev.Indicators.List); d != "" {
		t.Error(d)
	}
}

// TestIndicatorsFaults: a line that is no entry is told, the others count.
func TestIndicatorsFaults(t *testing.T) {
	b := &Batch{}
	received := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	data := "{\"entry\":\"1.2.3.4\"}\nno json\n\n{\"entry\":\"1.2.3.4\",\"list\":\"l\",\"category\":\"c2\"}\n"
	new(Decoder).Decode(&event.Chunk{Source: event.Intel, Data: []byte(data), Received: received, FirstLine: 1}, b)
	if len(b.Events) != 1 || len(b.Events[0].Indicators.List) != 1 || !b.Events[0].Time.Equal(received) {
		t.Fatalf("%+v", b.Events)
	}
	if len(b.Rejects) != 1 || b.Rejects[0].Count != 2 || b.Rejects[0].Line != 1 || b.Rejects[0].Source != event.Intel {
		t.Errorf("%+v", b.Rejects)
	}
	b.Reset()
	new(Decoder).Decode(&event.Chunk{Source: event.Intel, Data: []byte("\n"), Received: received}, b)
	if len(b.Events)+len(b.Rejects) != 0 {
		t.Errorf("%+v", b)
	}
}

// TestOnlyTheInstallationTells: what looks like an entry is none in a log.
func TestOnlyTheInstallationTells(t *testing.T) {
	data, err := EncodeIndicators(time.Now(), someIndicators)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []event.Source{"", event.K8sAudit, event.CloudTrail, event.VPCFlow, event.DNS} {
		b := &Batch{}
		new(Decoder).Decode(&event.Chunk{Source: source, Data: data}, b)
		for i := range b.Events {
			if b.Events[i].Indicators != nil {
				t.Errorf("a log of source %q told of entries", source)
			}
		}
	}
}

// FuzzIndicators reads any bytes as entries.
func FuzzIndicators(f *testing.F) {
	data, err := EncodeIndicators(time.Unix(1, 2).UTC(), someIndicators)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add("{}\n[]\n\"\"\nnull\n{\"added\":3}")
	f.Fuzz(func(t *testing.T, s string) {
		b := &Batch{}
		new(Decoder).Decode(&event.Chunk{Source: event.Intel, Data: []byte(s)}, b)
		lines := int64(0)
		for line := range strings.Lines(s) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		n := int64(0)
		for i := range b.Events {
			n += int64(len(b.Events[i].Indicators.List))
		}
		for _, r := range b.Rejects {
			n += r.Count
		}
		if n > lines || len(b.Events) > 1 {
			t.Errorf("%d entries and faults on %d lines, %d events", n, lines, len(b.Events))
		}
	})
}

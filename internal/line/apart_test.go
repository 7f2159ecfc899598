package line

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/journal"
)

func trailLine(account, region, id string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","accountId":%q},"eventTime":"2026-05-01T00:00:00Z",`+
		`"eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":%q,"eventID":%q,"eventType":"AwsApiCall","recipientAccountId":%q}`, account, region, id, account)
}

func flowLine(account string, port int) string {
	return fmt.Sprintf("2 %s eni-0a1b2c3d 10.0.0.1 10.0.0.2 %d 443 6 1 40 1777600000 1777600060 ACCEPT OK", account, port)
}

// judged are the records of messages as a worker sees them, by the shard they
// wait in, and how many records were counted.
func judged(messages [][]journal.Entry) (records []string, received int64) {
	for _, entries := range messages {
		m := &message{data: append(make([]byte, idLen), journal.Encode(nil, entries)...)}
		m.open(nil)
		for i, p := range m.pushes {
			received += p.Received
			for _, ev := range p.Batch.Events {
				records = append(records, fmt.Sprintf("%s at %s: %.300s", ev.Scope, entries[i].Chunk.Scope, ev.Raw))
			}
		}
	}
	return records, received
}

// TestApart: the records of each account and Region are in entries of that
// scope, each once, and the cursor comes last.
func TestApart(t *testing.T) {
	home := event.Scope{Account: "111122223333", Region: "eu-central-1"}
	lines := []string{
		trailLine("111122223333", "eu-central-1", "a"), trailLine("111122223333", "us-east-1", "b"),
		flowLine("444455556666", 1), "this is no record", flowLine("111122223333", 2), trailLine("444455556666", "eu-central-1", "c"),
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"d","stage":"ResponseComplete","requestURI":"/","verb":"get","user":{},"stageTimestamp":"2026-05-01T00:00:00Z"}`,
	}
	j := &slowJournal{}
	w := startWriter(t, j)
	p := &ingest.Push{
		Chunk:  event.Chunk{Stream: "x", Received: time.Unix(1777600000, 0).UTC(), Scope: home, Data: []byte(strings.Join(lines, "\n"))},
		Cursor: ingest.Cursor{Name: "c", Data: []byte("1")},
	}
	if err := w.Append(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if p.Result.Events != 6 || p.Result.Malformed != 1 {
		t.Errorf("the sender is told of %+v", p.Result)
	}
	got, received := judged(j.messages())
	if received != int64(len(lines)) || len(got) != len(lines)-1 {
		t.Errorf("%d records were counted, %d judged: %q", received, len(got), got)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		"111122223333/us-east-1 at 111122223333/us-east-1: {", "444455556666/eu-central-1 at 444455556666/eu-central-1: 2 ",
		"444455556666/eu-central-1 at 444455556666/eu-central-1: {", `111122223333/eu-central-1 at 111122223333/eu-central-1: {"kind"`,
	} {
		if strings.Count(all, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, all)
		}
	}
	messages := j.messages()
	last := messages[len(messages)-1]
	if e := last[len(last)-1]; e.CursorName != "c" || e.Chunk.Scope != home {
		t.Errorf("the cursor is not in the last entry: %+v", e)
	}
}

// TestApartWhole: a push of one other scope becomes that scope's as it is.
func TestApartWhole(t *testing.T) {
	j := &slowJournal{}
	w := startWriter(t, j)
	data := flowLine("444455556666", 1) + "\n" + flowLine("444455556666", 2) + "\n"
	if err := w.Append(t.Context(), &ingest.Push{Chunk: event.Chunk{
		Stream: "x", Scope: event.Scope{Account: "111122223333", Region: "eu-central-1"}, Data: []byte(data),
	}}); err != nil {
		t.Fatal(err)
	}
	entries := j.messages()[0]
	if len(entries) != 1 || entries[0].Chunk.Scope.Account != "444455556666" || string(entries[0].Chunk.Data) != data {
		t.Errorf("%+v", entries)
	}
}

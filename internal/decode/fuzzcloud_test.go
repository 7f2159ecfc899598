package decode

import (
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// fuzzBeside feeds any bytes between two intact records: nothing panics, and the neighbours
// are there.
func fuzzBeside(t *testing.T, s, neighbour string, want func(*event.Event) bool) {
	t.Helper()
	var d Decoder
	b := &Batch{}
	d.Decode(&event.Chunk{Data: []byte(s), Records: []event.Span{{End: len(s)}}}, b)
	for i := range b.Events {
		if a := b.Events[i].Audit; a != nil { // the lazy parts must not panic either
			_, _, _, _ = a.SourceIPs(), a.User.Groups(), a.DryRun(), a.Annotation("x")
		}
	}
	b.Reset()
	d.Decode(&event.Chunk{Data: []byte(neighbour + "\n" + s + "\n" + neighbour)}, b)
	n := len(b.Events)
	if n < 2 || !want(&b.Events[0]) || !want(&b.Events[n-1]) {
		t.Errorf("a neighbour of %q was lost", s)
	}
}

func FuzzGKE(f *testing.F) {
	good := gkeEntry(gkePod(`{"code":7,"message":"no"}`), gkeOnce)
	for _, s := range []string{good, good[:300], gkeEntry(gkeWho+`"methodName":"io.k8s.get","resourceName":"readyz"`, `,"split":{}`), `{"insertId":`, `{"protoPayload":{"serviceName":"k8s.io"}}`,
		`{"message":{"data":"e30="}}`, `{"receivedMessages":[{"message":{"data":"e30="}}]}`, `{"insertId":"x","protoPayload":{},"timestamp":"x"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzzBeside(t, s, good, func(e *event.Event) bool { return e.Audit != nil && e.Audit.User.Username == "dev@example.com" })
	})
}

func FuzzAKS(f *testing.F) {
	good := aksRecord("kube-audit", quote(aksInner))
	for _, s := range []string{good, good[:300], aksRow(true), aksRow(false), `{"records":[` + good + `,7]}`, `{"category":"kube-audit","log_s":7}`,
		`{"category":"kube-audit","resourceId":"","properties":"x"}`, `{"Type":"AKSAudit","User":"{"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzzBeside(t, s, good, func(e *event.Event) bool { return e.Audit != nil && e.Audit.User.Username == "alice" })
	})
}

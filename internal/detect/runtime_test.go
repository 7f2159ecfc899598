package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/simulate"
)

var runtimeScope = event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "demo"}

// runtimeEvents are records as the sensor writes them.
func runtimeEvents(t testing.TB, lines ...string) *event.Batch {
	t.Helper()
	b := &event.Batch{Stream: "sensor", Received: time.Unix(0, 0)}
	for _, line := range lines {
		var r event.Runtime
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		b.Events = append(b.Events, event.Event{Source: event.RuntimeEvents, Scope: runtimeScope, Time: r.Time, Raw: []byte(line), Runtime: &r})
	}
	return b
}

// simulatedRuntime are the records that are simulated of a type.
func simulatedRuntime(t testing.TB, typ string) []string {
	t.Helper()
	lines, err := simulate.Records(typ, t0)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestRuntimeSimulations: what is simulated of a type raises that type, once,
// and nothing else but what its command line says.
func TestRuntimeSimulations(t *testing.T) {
	n := 0
	for _, typ := range simulate.Types() {
		if !strings.Contains(typ, ":Runtime/") {
			continue
		}
		n++
		e := New(Options{Intel: intel.Builtin()})
		found := merged(e.Process(runtimeEvents(t, simulatedRuntime(t, typ)...)).Signals)
		var types []string
		for _, f := range found {
			if f.Type == typ || !strings.Contains(f.Type, "/Suspicious") {
				types = append(types, f.Type)
			}
			if f.Type == typ && (f.Service.ResourceRole != "" || f.Service.FeatureName != "RuntimeMonitoring" || f.Service.RuntimeDetails == nil || f.Resource.KubernetesDetails == nil) {
				t.Errorf("%s: %+v", typ, f.Service)
			}
		}
		if !slices.Equal(types, []string{typ}) {
			t.Errorf("%s raises %v", typ, types)
		}
	}
	if n < 20 {
		t.Errorf("%d types are simulated", n)
	}
}

func merged(signals []*finding.Signal) (out []*finding.Finding) {
	records := map[string]*finding.Record{}
	for _, s := range signals {
		if r := records[s.Identity()]; r != nil {
			finding.Merge(r, s)
			continue
		}
		r := finding.NewRecord(s)
		records[s.Identity()] = r
		out = append(out, r.Finding)
	}
	return out
}

// TestCommandLinesAreHidden: what an operator does not want shown is nowhere.
func TestCommandLinesAreHidden(t *testing.T) {
	lines := simulatedRuntime(t, "Execution:Runtime/NewBinaryExecuted")
	for _, hide := range []bool{false, true} {
		e := New(Options{HideCommandLines: hide})
		found := merged(e.Process(runtimeEvents(t, lines...)).Signals)
		b, err := json.Marshal(found)
		if err != nil || len(found) == 0 {
			t.Fatal(found, err)
		}
		if shown := bytes.Contains(b, []byte("rehash")) || bytes.Contains(b, []byte("--unpack")); shown == hide {
			t.Errorf("hide is %v: %s", hide, b)
		}
	}
}

// process is one of the container that records of tests are from.
func process(exe string, pid int, args ...string) event.Process {
	return event.Process{UUID: fmt.Sprint("p", pid), ParentUUID: "p1", PID: 4000 + pid, NamespacePID: pid, Name: path.Base(exe), Executable: exe, Args: args, UID: 1000, EUID: 1000}
}

// runtimeLine is a record of a container as a sensor writes it.
func runtimeLine(t testing.TB, second int, kind event.RuntimeKind, p *event.Process, body func(*event.Runtime)) string {
	t.Helper()
	r := event.Runtime{
		Version: event.RuntimeVersion, Kind: kind, Time: t0.Add(time.Duration(second) * time.Second), Node: event.Node{Name: "n1"}, Process: p,
		Container: &event.Container{ID: "c1", Name: "web", Image: "nginx", Start: t0.Add(-time.Hour)},
	}
	body(&r)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func at(f event.Stdio, fd int) event.Stdio {
	f.FD = fd
	return f
}

func toSocket(remote string) event.Socket {
	return event.Socket{Family: "AF_INET", Type: "SOCK_STREAM", Protocol: event.ProtoTCP, Remote: netip.MustParseAddrPort(remote), Inode: 5}
}

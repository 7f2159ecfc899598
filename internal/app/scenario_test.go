package app

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
)

var update = flag.Bool("update", false, "rewrite what the scenarios expect")

const scenarioDir = "testdata/scenarios"

// scenarios calls do for each txtar file under the scenario folder.
func scenarios(t *testing.T, do func(t *testing.T, path string, a *txtar.Archive)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(scenarioDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".txtar" {
			return err
		}
		a, err := txtar.ParseFile(path)
		if err != nil {
			return err
		}
		n++
		name, _ := filepath.Rel(scenarioDir, strings.TrimSuffix(path, ".txtar"))
		t.Run(filepath.ToSlash(name), func(t *testing.T) { do(t, path, a) })
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d scenarios: %v", n, err)
	}
}

// inputs writes a scenario's log files to a folder and returns what scans them.
// The file config.yaml is the configuration, and those that end in .list are
// the lists it names, in the folder DIR.
func inputs(t *testing.T, a *txtar.Archive) ScanOptions {
	t.Helper()
	dir, lists := t.TempDir(), t.TempDir()
	c := scanConfig()
	var paths []string
	for _, f := range a.Files {
		p := filepath.Join(dir, f.Name)
		if days, ok := strings.CutPrefix(string(f.Data), "ordinary cluster until "); ok && filepath.Ext(f.Name) == ".simulated" {
			f.Data = ordinaryCluster(t, strings.TrimSpace(days))
		}
		switch {
		case f.Name == "want":
			continue
		case f.Name == "config.yaml":
			p = filepath.Join(lists, f.Name)
			f.Data = bytes.ReplaceAll(f.Data, []byte("DIR"), []byte(lists))
		case filepath.Ext(f.Name) == ".list":
			p = filepath.Join(lists, f.Name)
		default:
			if name, ok := strings.CutSuffix(p, ".days"); ok {
				p, f.Data = name, everyDay(t, f.Data)
			}
			paths = append(paths, p)
		}
		if err := os.WriteFile(p, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		if f.Name == "config.yaml" {
			var err error
			if c, err = config.Load(p, func(c *config.Config) { c.Account, c.Region, c.Cluster = "111122223333", "eu-central-1", "test" }); err != nil {
				t.Fatal(err)
			}
		}
	}
	return optionsOf(t, c, paths)
}

// ordinaryCluster is the log of eight days up to a moment, which no scenario
// carries with it.
func ordinaryCluster(t *testing.T, until string) []byte {
	t.Helper()
	at, err := time.Parse(time.RFC3339, until)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := simulate.OrdinaryCluster(at)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func scanConfig() *config.Config {
	c := config.Default()
	c.Account, c.Region, c.Cluster = "111122223333", "eu-central-1", "test"
	return c
}

// detectByDefault are the options of scanConfig. To read the rules they hold is
// most of the work of a short scan.
var detectByDefault = sync.OnceValues(func() (detect.Options, error) { return DetectOptions(scanConfig()) })

func optionsOf(t testing.TB, c *config.Config, paths []string) ScanOptions {
	t.Helper()
	detectOptions := func() (detect.Options, error) { return DetectOptions(c) }
	if reflect.DeepEqual(c, scanConfig()) {
		detectOptions = detectByDefault
	}
	d, err := detectOptions()
	if err != nil {
		t.Fatal(err)
	}
	return ScanOptions{
		Paths: paths, Workers: 2, Log: slog.New(slog.DiscardHandler),
		Scope:  event.Scope{Account: c.Account, Region: c.Region, Cluster: c.Cluster},
		Detect: d, Sequences: SequenceOptions(c), Noise: NoiseLimits(c),
	}
}

func scanOptions(t testing.TB, paths []string) ScanOptions {
	t.Helper()
	return optionsOf(t, scanConfig(), paths)
}

func scanPaths(t testing.TB, paths ...string) *ScanResult {
	t.Helper()
	return scan(t, scanOptions(t, paths))
}

func scan(t testing.TB, o ScanOptions) *ScanResult {
	t.Helper()
	r, err := Scan(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestScenarios reads raw records and compares what was found, and how every
// record ended, with what the scenario wants.
func TestScenarios(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		got := summary(scan(t, inputs(t, a)))
		for i, f := range a.Files {
			if f.Name != "want" {
				continue
			}
			if *update {
				a.Files[i].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(f.Data), got); d != "" {
				t.Errorf("%s\n%s", strings.TrimSpace(string(a.Comment)), d)
			}
			return
		}
		t.Error("the scenario says nothing of what it wants")
	})
}

// summary writes findings and accounting the way scenarios have them.
func summary(r *ScanResult) string {
	var b bytes.Buffer
	for _, f := range r.Findings {
		if f.Service.FeatureName == "Correlation" {
			sequenceFinding(&b, f)
			continue
		}
		if f.Service.FeatureName == "RuntimeMonitoring" {
			runtimeFinding(&b, f)
			continue
		}
		k := f.Service.Action.KubernetesAPICallAction
		if k == nil {
			accountFinding(&b, f)
			continue
		}
		u := f.Resource.KubernetesDetails.KubernetesUserDetails
		fmt.Fprintf(&b, "%s severity=%v count=%d cluster=%s\n", f.Type, f.Severity, f.Service.Count, f.Resource.EKSClusterDetails.Name)
		fmt.Fprintf(&b, "  user=%s verb=%s code=%d uri=%s ip=%s%s\n", u.Username, k.Verb, k.StatusCode, k.RequestURI, strings.Join(k.SourceIPs, ","), listsOf(f))
		if w := f.Resource.KubernetesDetails.KubernetesWorkloadDetails; w != nil {
			fmt.Fprintf(&b, "  workload=%s/%s/%s\n", w.Type, w.Namespace, w.Name)
		}
		fmt.Fprintf(&b, "  %s\n", f.Description)
	}
	fmt.Fprintf(&b, "records=%d", r.Ledger.Records())
	for _, o := range []event.Outcome{event.Evaluated, event.Duplicate, event.Malformed, event.Dropped, event.MarkTruncated, event.MarkLate, event.MarkNoData, event.MarkSkipData} {
		if n := r.Ledger.Outcomes[o]; n > 0 {
			fmt.Fprintf(&b, " %s=%d", o, n)
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// accountFinding writes a finding of an AWS account.
func accountFinding(b *bytes.Buffer, f *finding.Finding) {
	fmt.Fprintf(b, "%s severity=%v count=%d %s/%s role=%s\n", f.Type, f.Severity, f.Service.Count, f.AccountID, f.Region, f.Service.ResourceRole)
	r, act := f.Resource, f.Service.Action
	fmt.Fprintf(b, "  resource=%s", r.ResourceType)
	if k := r.AccessKeyDetails; k != nil {
		fmt.Fprintf(b, " user=%s/%s key=%s principal=%s", k.UserType, k.UserName, k.AccessKeyID, k.PrincipalID)
	}
	for _, s := range r.S3BucketDetails {
		fmt.Fprintf(b, " bucket=%s", s.Name)
		if s.PublicAccess != nil {
			fmt.Fprintf(b, " %s", s.PublicAccess.EffectivePermission)
		}
	}
	if i := r.InstanceDetails; i != nil {
		fmt.Fprintf(b, " instance=%s", i.InstanceID)
		for _, n := range i.NetworkInterfaces {
			fmt.Fprintf(b, " eni=%s", n.NetworkInterfaceID)
		}
	}
	if l := r.LambdaDetails; l != nil {
		fmt.Fprintf(b, " function=%s", l.FunctionName)
	}
	if f.CustomDetectionRuleName != "" {
		fmt.Fprintf(b, " rule=%s", f.CustomDetectionRuleName)
	}
	fmt.Fprintf(b, "\n  action=%s", act.ActionType)
	remote := func(d *finding.RemoteIPDetails) string {
		if d == nil {
			return ""
		}
		return d.IPAddressV4 + d.IPAddressV6
	}
	switch {
	case act.AWSAPICallAction != nil:
		a := act.AWSAPICallAction
		fmt.Fprintf(b, " api=%s service=%s error=%s ip=%s", a.API, a.ServiceName, a.ErrorCode, remote(a.RemoteIPDetails))
	case act.NetworkConnectionAction != nil:
		n := act.NetworkConnectionAction
		fmt.Fprintf(b, " %s %s blocked=%v remote=%s", n.ConnectionDirection, n.Protocol, n.Blocked, remote(n.RemoteIPDetails))
		if p := n.RemotePortDetails; p != nil {
			fmt.Fprintf(b, ":%d", p.Port)
		}
		if p := n.LocalPortDetails; p != nil {
			fmt.Fprintf(b, " localPort=%d", p.Port)
		}
	case act.PortProbeAction != nil:
		for _, p := range act.PortProbeAction.PortProbeDetails {
			fmt.Fprintf(b, " port=%d from %s", p.LocalPortDetails.Port, remote(p.RemoteIPDetails))
		}
	case act.DNSRequestAction != nil:
		d := act.DNSRequestAction
		fmt.Fprintf(b, " domain=%s %s blocked=%v", d.Domain, d.Protocol, d.Blocked)
	}
	fmt.Fprintf(b, "%s\n  %s\n", listsOf(f), f.Description)
}

// runtimeFinding writes a finding of a sensor.
func runtimeFinding(b *bytes.Buffer, f *finding.Finding) {
	r, d := f.Resource, f.Service.RuntimeDetails
	fmt.Fprintf(b, "%s severity=%v count=%d\n  resource=%s", f.Type, f.Severity, f.Service.Count, r.ResourceType)
	if k := r.KubernetesDetails; k != nil {
		w := k.KubernetesWorkloadDetails
		fmt.Fprintf(b, " pod=%s/%s", w.Namespace, w.Name)
		for _, c := range w.Containers {
			fmt.Fprintf(b, " container=%s", c.Name)
		}
	}
	if c := r.ContainerDetails; c != nil {
		fmt.Fprintf(b, " container=%s image=%s", c.Name, c.Image)
	}
	fmt.Fprintf(b, " node=%s", r.InstanceDetails.InstanceID)
	if d != nil {
		fmt.Fprintf(b, "\n  process=%s lineage=%d", d.Process.ExecutablePath, len(d.Process.Lineage))
		if c, err := json.Marshal(contextOf(d)); err == nil && d.Context != nil {
			fmt.Fprintf(b, " context=%s", c)
		}
	}
	if a := f.Service.Action; a != nil {
		fmt.Fprintf(b, "\n  action=%s", a.ActionType)
		if n := a.NetworkConnectionAction; n != nil {
			fmt.Fprintf(b, " %s %s remote=%s%s:%d", n.ConnectionDirection, n.Protocol, n.RemoteIPDetails.IPAddressV4, n.RemoteIPDetails.IPAddressV6, n.RemotePortDetails.Port)
		}
		if q := a.DNSRequestAction; q != nil {
			fmt.Fprintf(b, " domain=%s %s", q.Domain, q.Protocol)
		}
	}
	fmt.Fprintf(b, "%s\n  %s\n", listsOf(f), f.Description)
}

// contextOf is the context with other processes by name alone.
func contextOf(d *finding.RuntimeDetails) finding.RuntimeContext {
	if d.Context == nil {
		return finding.RuntimeContext{}
	}
	c := *d.Context
	for _, p := range []**finding.ProcessDetails{&c.ModifyingProcess, &c.TargetProcess} {
		if *p != nil {
			*p = &finding.ProcessDetails{ExecutablePath: (*p).ExecutablePath}
		}
	}
	return c
}

func listsOf(f *finding.Finding) (out string) {
	if e := f.Service.Evidence; e != nil {
		for _, d := range e.ThreatIntelligenceDetails {
			out += fmt.Sprintf(" list=%q", d.ThreatListName)
		}
	}
	return out
}

// TestEveryTypeHasItsScenarios: each implemented type has a scenario that
// fires it, and a benign twin, named after it, that raises nothing.
func TestEveryTypeHasItsScenarios(t *testing.T) {
	fires, silent := map[string]bool{}, map[string]bool{}
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		comment := string(a.Comment)
		for _, f := range a.Files {
			if f.Name != "want" {
				continue
			}
			found := false
			for line := range strings.Lines(string(f.Data)) {
				typ, _, _ := strings.Cut(line, " ")
				if _, known := finding.Lookup(typ); known {
					fires[typ], found = true, true
				}
			}
			for line := range strings.Lines(comment) {
				if typ, ok := strings.CutPrefix(line, "Benign twin of "); ok {
					if found {
						t.Errorf("%s calls itself a benign twin and raises a finding", path)
					}
					silent[strings.TrimSuffix(strings.TrimSpace(typ), ".")] = true
				}
			}
		}
	})
	for _, typ := range finding.Catalog() {
		if typ.Status != finding.StatusImplemented {
			continue
		}
		if !fires[typ.Name] {
			t.Errorf("no scenario fires %s", typ.Name)
		}
		if !silent[typ.Name] {
			t.Errorf("no scenario is a benign twin of %s", typ.Name)
		}
	}
}

package acts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/sensor/caps"
	"github.com/vedette-project/vedette/internal/testbed"
)

// settling is how long after its start a container is still being made ready.
const settling = 61 * time.Second

// nodeFiles is a folder of the node with files that containers must not touch.
func nodeFiles(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"runc", "release_agent"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestActs: what attackers do is found, and what others do is not.
func TestActs(t *testing.T) {
	w := newWorld(t)
	all := append(acts(t, w), ordinary(t)...)
	running := make([]*container, len(all))
	// Those whose acts come late are started first.
	for _, late := range []bool{true, false} {
		w.atOnce(len(all), func(i int) {
			if all[i].late == late {
				running[i] = w.run(all[i].name, !all[i].plain, all[i].in)
				w.addresses(running[i], all[i].addresses...)
			}
		})
	}
	times := newLatencies(w)
	for _, late := range []bool{false, true} {
		w.atOnce(len(all), func(i int) {
			if all[i].late != late {
				return
			}
			if late {
				time.Sleep(time.Until(running[i].started.Add(settling)))
			}
			times.done(running[i], len(all[i].want))
			w.perform(running[i], all[i].steps)
		})
	}
	w.mark()
	times.tell(t)
	names := map[string]string{}
	var want []string
	for i, a := range all {
		names[running[i].ID] = a.name
		for _, typ := range a.want {
			want = append(want, a.name+" "+typ)
		}
	}
	found := w.findings()
	var got []string
	for i := range found {
		at := place(&found[i])
		if name, ok := names[at]; ok {
			at = name
		}
		if at != "mark" {
			got = append(got, at+" "+aws.ToString(found[i].Type))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("findings (-want +got):\n%s", differ(want, got))
		for i := range found {
			f := &found[i]
			t.Logf("%s %s: %s %s", place(f), aws.ToString(f.Type), aws.ToString(f.Description), aws.ToString(f.Service.AdditionalInfo.Value))
		}
	}
	t.Run("fields", func(t *testing.T) { fields(t, found, running) })
	t.Run("rights", func(t *testing.T) { rights(t, w.sensor.cmd.Process.Pid) })
}

// rights: the sensor that found all this has given up most of what root may.
func rights(t *testing.T, pid int) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("threads %q, %v", threads, err)
	}
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that ended
		}
		st, err := caps.ParseStatus(text)
		if err != nil {
			t.Fatal(err)
		}
		st.Effective, st.Permitted, st.Bounding = st.Effective&^caps.BPF, st.Permitted&^caps.BPF, st.Bounding&^caps.BPF // kept before Linux 5.19
		if want := (caps.Status{Effective: caps.Run, Permitted: caps.Run, Bounding: caps.Run, NoNewPrivs: true}); st != want {
			t.Errorf("%s: the thread may %v, is bound to %v, %+v", file, st.Effective, st.Bounding, st)
		}
	}
}

// differ are the lines that only one of two sorted lists has.
func differ(want, got []string) string {
	var b strings.Builder
	for _, l := range want {
		if !slices.Contains(got, l) {
			b.WriteString("-" + l + "\n")
		}
	}
	for i, l := range got {
		if !slices.Contains(want, l) || i > 0 && got[i-1] == l {
			b.WriteString("+" + l + "\n")
		}
	}
	return b.String()
}

// atOnce calls f for each number, a few at a time.
func (w *world) atOnce(n int, f func(i int)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i := range n {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			f(i)
		})
	}
	wait.Wait()
}

// perform takes the steps of an act; some are refused, which is fine.
func (w *world) perform(c *container, steps [][]string) {
	for _, s := range steps {
		if out, err := c.Exec(s...); err != nil || strings.Contains(out, "act:") {
			w.t.Logf("%s: %q: %v %s", c.name, s, err, out)
		}
	}
}

// mark does a last thing and waits until it is found: then all before it is judged.
func (w *world) mark() {
	w.t.Helper()
	c := w.run("mark", true, testbed.ContainerOptions{})
	w.perform(c, [][]string{{"xmrig"}})
	w.eventually(time.Minute, "the finding of the last act", func() bool {
		for _, f := range w.findings() {
			if place(&f) == "mark" {
				return true
			}
		}
		return false
	})
}

// latencies are the times from acts to their findings.
type latencies struct {
	w     *world
	mu    sync.Mutex
	begun map[string]time.Time // by pod
	took  []time.Duration
	stop  chan struct{}
	ended chan struct{}
}

func newLatencies(w *world) *latencies {
	l := &latencies{w: w, begun: map[string]time.Time{}, stop: make(chan struct{}), ended: make(chan struct{})}
	go l.look()
	return l
}

func (l *latencies) done(c *container, findings int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if findings > 0 {
		l.begun[c.name], l.begun[c.ID] = time.Now(), time.Now()
	}
}

func (l *latencies) look() {
	defer close(l.ended)
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(200 * time.Millisecond):
		}
		for _, f := range l.w.findings() {
			l.mu.Lock()
			if at, ok := l.begun[place(&f)]; ok && !at.IsZero() {
				l.took = append(l.took, time.Since(at))
				l.begun[place(&f)] = time.Time{}
			}
			l.mu.Unlock()
		}
	}
}

func (l *latencies) tell(t *testing.T) {
	close(l.stop)
	<-l.ended
	slices.Sort(l.took)
	if len(l.took) == 0 {
		t.Error("no act was found while the acts went on")
		return
	}
	t.Logf("from an act to its finding in the API, %d acts: p50 %v, max %v", len(l.took), l.took[len(l.took)/2].Round(time.Millisecond), l.took[len(l.took)-1].Round(time.Millisecond))
}

// fields: the findings say what was done, by whom and where.
func fields(t *testing.T, found []types.Finding, running []*container) {
	byName := map[string]*container{}
	for _, c := range running {
		byName[c.name] = c
	}
	get := func(name, typ string) *types.Finding {
		t.Helper()
		for i := range found {
			if at := place(&found[i]); aws.ToString(found[i].Type) == typ && (at == name || at == byName[name].ID) {
				return &found[i]
			}
		}
		t.Fatalf("no %s in %s", typ, name)
		return nil
	}
	check := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	f := get("copied-program", newBinary)
	c, p := f.Resource.ContainerDetails, f.Service.RuntimeDetails.Process
	// ctr keeps the image to itself, unlike the kubelet.
	check("container", []string{aws.ToString(c.Id), aws.ToString(c.ContainerRuntime), aws.ToString(f.Resource.ResourceType)},
		[]string{byName["copied-program"].ID, "containerd", "Container"})
	check("process", []string{aws.ToString(p.Name), aws.ToString(p.ExecutablePath)}, []string{"local-sync", "/usr/local-sync"})
	check("writer", aws.ToString(f.Service.RuntimeDetails.Context.ModifyingProcess.Name), "cp")
	if aws.ToInt32(p.Pid) == 0 || aws.ToString(p.Uuid) == "" || len(aws.ToString(p.ExecutableSha256)) != 64 || len(p.Lineage) < 2 || aws.ToString(p.Lineage[0].Name) != "sh" {
		t.Errorf("process %+v", p)
	}

	f = get("package-in-a-container", newBinary)
	check("writer", aws.ToString(f.Service.RuntimeDetails.Context.ModifyingProcess.ExecutablePath), "/usr/bin/dpkg")
	wl := f.Resource.KubernetesDetails.KubernetesWorkloadDetails
	check("workload", []string{aws.ToString(wl.Name), aws.ToString(wl.Namespace), aws.ToString(wl.Containers[0].Name), aws.ToString(wl.Containers[0].Image)},
		[]string{"package-in-a-container", "acts", "app", "registry.example/app:1"})
	check("cluster", aws.ToString(f.Resource.EksClusterDetails.Name), cluster)

	f = get("shell-by-bash", reverseShell)
	n := f.Service.Action.NetworkConnectionAction
	check("connection", []string{aws.ToString(n.RemoteIpDetails.IpAddressV4), fmt.Sprint(aws.ToInt32(n.RemotePortDetails.Port)), aws.ToString(n.Protocol)}, []string{"127.0.0.1", "1337", "TCP"})

	f = get("asks-for-a-pool", "CryptoCurrency:Runtime/BitcoinTool.B!DNS")
	check("question", []string{aws.ToString(f.Service.Action.DnsRequestAction.Domain), aws.ToString(f.Service.Action.DnsRequestAction.Protocol)},
		[]string{"us-east.equihash-hub.miningpoolhub.com", "UDP"})

	context := get("ptrace-writes", ptrace).Service.RuntimeDetails.Context
	check("target", aws.ToString(context.TargetProcess.ExecutablePath), "/bin/busybox")
	context = get("docker-socket", "PrivilegeEscalation:Runtime/DockerSocketAccessed").Service.RuntimeDetails.Context
	check("socket", filepath.Base(aws.ToString(context.SocketPath)), "docker.sock") // by the name that its server gave it
	context = get("mounts-etc", hostDirectory).Service.RuntimeDetails.Context
	check("mount", []string{aws.ToString(context.MountSource), aws.ToString(context.MountTarget)}, []string{"/etc", "/tmp/etc"})
	context = get("preloaded-library", "Execution:Runtime/NewLibraryLoaded").Service.RuntimeDetails.Context
	check("library", []string{aws.ToString(context.LibraryPath), aws.ToString(context.LdPreloadValue)}, []string{"/tmp/libx.so", "/tmp/libx.so"})
}

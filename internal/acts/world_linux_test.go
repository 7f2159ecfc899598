package acts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/testbed"
)

const (
	account = "111122223333"
	region  = "eu-central-1"
	cluster = "acts"
)

// world is a server, a sensor and a containerd that is all that the sensor sees.
type world struct {
	t          testing.TB
	dir        string
	binary     string
	server     string // its URL
	metrics    string
	client     *guardduty.Client
	detector   *string
	containers *testbed.ContainerdServer
	sensor     *process
}

func newWorld(t testing.TB) *world {
	t.Helper()
	testbed.Root(t)
	w := &world{t: t, dir: t.TempDir()}
	w.binary = filepath.Join(w.dir, "vedette")
	build(t, "../../cmd/vedette", w.binary)
	w.containers = testbed.Containerd(t, w.programs())
	w.serve()
	w.startSensor()
	return w
}

func build(t testing.TB, pkg, to string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", to, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
}

// programs are those of the image: the one that does acts, under several names,
// and bash, which unlike busybox loads libraries.
func (w *world) programs() map[string]string {
	act := filepath.Join(w.dir, "act")
	build(w.t, "./testdata/act", act)
	programs := map[string]string{"/usr/bin/act": act}
	// A program of few bytes for names that only have to be there: a script is
	// another program, and busybox minds its name.
	idle := filepath.Join(w.dir, "idle")
	build(w.t, "./testdata/idle", idle)
	for _, name := range []string{"xmrig", "masscan", "linpeas", "openssl", "kthread-helper", "sync"} {
		programs["/usr/bin/"+name] = idle
	}
	programs["/usr/bin/dpkg"], programs["/usr/bin/listed"] = act, w.listed("malicious", idle)
	programs["/usr/bin/listed-miner"], programs["/usr/bin/listed-own"] = w.listed("cryptocurrency", idle), w.listed("custom", idle)
	for _, file := range libraries(w.t, "/bin/bash") {
		programs[file] = file
	}
	return programs
}

// runtimeFolder is a folder of the node with a program that stands for runc.
func (w *world) runtimeFolder() string {
	w.t.Helper()
	dir := w.t.TempDir()
	b, err := os.ReadFile(filepath.Join(w.dir, "act"))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "runc"), b, 0o755); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// listed is a copy of a program that is on a list of bad files.
func (w *world) listed(category, program string) string {
	b, err := os.ReadFile(program)
	if err != nil {
		w.t.Fatal(err)
	}
	b = append(b, category...)
	file := filepath.Join(w.dir, "program-"+category)
	sum := sha256.Sum256(b)
	for name, content := range map[string][]byte{file: b, file + ".txt": []byte(hex.EncodeToString(sum[:]) + "\n")} {
		if err := os.WriteFile(name, content, 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	return file
}

var mapped = regexp.MustCompile(`(?m)(/\S+) \(0x`)

// libraries are a dynamic program and what it loads.
func libraries(t testing.TB, program string) []string {
	t.Helper()
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		testbed.Lack(t, "a "+program+" that loads libraries", "install it with: apt-get install bash libc-bin")
	}
	files := []string{program}
	for _, m := range mapped.FindAllSubmatch(out, -1) {
		files = append(files, string(m[1]))
	}
	return files
}

// process is a vedette that runs beside the test.
type process struct {
	cmd   *exec.Cmd
	log   string
	from  int // where its part of the log begins
	ended chan error
}

func (w *world) start(name string, args ...string) *process {
	w.t.Helper()
	p := &process{cmd: exec.Command(w.binary, args...), log: filepath.Join(w.dir, name+".log"), ended: make(chan error, 1)}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	if st, err := log.Stat(); err == nil {
		p.from = int(st.Size()) // one with this name may have run before
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	log.Close()
	go func() { p.ended <- p.cmd.Wait() }()
	w.t.Cleanup(func() {
		p.stop(syscall.SIGTERM)
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", name, tail(p.log))
		}
	})
	return p
}

// stop ends it and waits until it is gone.
func (p *process) stop(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
	select {
	case err := <-p.ended:
		p.ended <- err
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		p.ended <- <-p.ended
	}
}

// logged waits for a line of its log.
func (w *world) logged(p *process, what *regexp.Regexp) []string {
	w.t.Helper()
	var found []string
	w.eventually(30*time.Second, "a line "+what.String(), func() bool {
		b, _ := os.ReadFile(p.log)
		found = what.FindStringSubmatch(string(b[min(p.from, len(b)):]))
		select {
		case err := <-p.ended:
			p.ended <- err
			w.t.Fatalf("it ended: %v\n%s", err, b)
		default:
		}
		return found != nil
	})
	return found
}

func tail(file string) string {
	b, _ := os.ReadFile(file)
	return string(b[max(0, len(b)-8000):])
}

func (w *world) eventually(within time.Duration, what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %v in vain for %s", within, what)
		}
	}
}

var serving = regexp.MustCompile(`msg=serving addr=(\S+) metrics=(\S+)`)

// serve starts the server and makes a detector as users do.
func (w *world) serve() {
	w.t.Helper()
	var lists strings.Builder
	for _, c := range []string{"malicious", "cryptocurrency", "custom"} {
		fmt.Fprintf(&lists, "{name: %q, path: %q, category: %s}, ", "files "+c, filepath.Join(w.dir, "program-"+c+".txt"), c)
	}
	config := filepath.Join(w.dir, "vedette.yaml")
	text := fmt.Sprintf("account: %q\nregion: %s\nserver: {listen: %q, metricsListen: %q}\nstore: {dataDir: %q}\ndetection: {threatLists: [%s]}\nintelligence: {feeds: {enabled: false}}\n",
		account, region, testbed.FreeAddr(w.t), testbed.FreeAddr(w.t), filepath.Join(w.dir, "data"), strings.TrimSuffix(lists.String(), ", "))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	m := w.logged(w.start("server", "serve", "--config", config), serving)
	w.server, w.metrics = "http://"+m[1], "http://"+m[2]
	out, err := exec.Command(w.binary, "keys", "create", "--role", "admin", "-o", "env", "--config", config).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	key := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		key[name] = strings.Trim(value, `"'`)
	}
	w.client = guardduty.New(guardduty.Options{
		Region: region, BaseEndpoint: aws.String(w.server),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key["AWS_ACCESS_KEY_ID"], SecretAccessKey: key["AWS_SECRET_ACCESS_KEY"]}, nil
		}),
	})
	det, err := w.client.CreateDetector(w.t.Context(), &guardduty.CreateDetectorInput{
		Enable:   aws.Bool(true),
		Features: []types.DetectorFeatureConfiguration{{Name: types.DetectorFeatureRuntimeMonitoring, Status: types.FeatureStatusEnabled}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.detector = det.DetectorId
}

var watching = regexp.MustCompile(`msg=watching`)

// startSensor starts a sensor that looks at the containers of this test alone.
func (w *world) startSensor(args ...string) {
	w.t.Helper()
	args = append([]string{"sensor", "--server", w.server, "--cluster", cluster, "--node", "node-1", "--pid", strconv.Itoa(w.containers.Pid()), "--data-dir", filepath.Join(w.dir, "sensor"), "--cpu-limit", "2", "--hash-limit", "1Gi"}, args...)
	p := w.start("sensor", args...)
	w.logged(p, watching)
	w.sensor = p
}

// container is one in which something is done.
type container struct {
	*testbed.RunningContainer
	name    string
	started time.Time
}

// run starts a container, in a pod of that name if pod says so.
func (w *world) run(name string, pod bool, o testbed.ContainerOptions) *container {
	w.t.Helper()
	o.ID = testbed.NewContainerID()
	if pod {
		uid := fmt.Sprintf("%s-%s-%s-%s-%s", o.ID[:8], o.ID[8:12], o.ID[12:16], o.ID[16:20], o.ID[20:32])
		o.Annotations = testbed.Pod("acts", name, uid, "app", "registry.example/app:1")
		o.Cgroup = "kubepods/pod" + uid + "/" + o.ID
	}
	if len(o.Args) == 0 {
		o.Args = []string{"sleep", "1000"}
	}
	c := &container{name: name, started: time.Now()}
	c.RunningContainer = w.containers.Run(o)
	return c
}

// addresses gives the container's own loopback interface more addresses, so
// that calls of them arrive there and nowhere else.
func (w *world) addresses(c *container, addresses ...string) {
	w.t.Helper()
	for _, a := range addresses {
		out, err := exec.Command("busybox", "nsenter", "-t", strconv.Itoa(c.Pid()), "-n", "busybox", "ip", "addr", "add", a+"/32", "dev", "lo").CombinedOutput()
		if err != nil {
			w.t.Fatalf("%v\n%s", err, out)
		}
	}
}

// findings are those of single acts: that forty attacks on one node belong
// together is told, too, when enough of them are.
func (w *world) findings() []types.Finding {
	w.t.Helper()
	var ids []string
	for p := guardduty.NewListFindingsPaginator(w.client, &guardduty.ListFindingsInput{DetectorId: w.detector}); p.HasMorePages(); {
		page, err := p.NextPage(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, page.FindingIds...)
	}
	var all []types.Finding
	for some := range slices.Chunk(ids, 50) {
		out, err := w.client.GetFindings(w.t.Context(), &guardduty.GetFindingsInput{DetectorId: w.detector, FindingIds: some})
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, out.Findings...)
	}
	return slices.DeleteFunc(all, func(f types.Finding) bool { return strings.HasPrefix(aws.ToString(f.Type), "AttackSequence:") })
}

// place is the pod, container or node of a finding.
func place(f *types.Finding) string {
	switch r := f.Resource; {
	case r.KubernetesDetails != nil && r.KubernetesDetails.KubernetesWorkloadDetails != nil:
		return aws.ToString(r.KubernetesDetails.KubernetesWorkloadDetails.Name)
	case r.ContainerDetails != nil:
		return aws.ToString(r.ContainerDetails.Id)
	}
	return "node"
}

// metricsPage is what the server counts.
func (w *world) metricsPage() string {
	w.t.Helper()
	res, err := http.Get(w.metrics + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// socket is a Unix socket of the node at a short path, on which somebody listens.
func socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "acts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "docker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return filepath.Join(dir, "docker.sock")
}

package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestMakeRelease makes the data of a version with that version's own binary:
//
//	VEDETTE_RELEASE=v0.2.0 go test ./internal/app -run TestMakeRelease -count=1 -v
//	VEDETTE_RELEASE=v0.1.0=ffdba75 go test …   # of a commit that has no tag
//
// docs/releasing.md says when.
func TestMakeRelease(t *testing.T) {
	asked := os.Getenv("VEDETTE_RELEASE")
	if asked == "" {
		t.Skip("it makes files for the repository; VEDETTE_RELEASE says of which version")
	}
	version, ref, ok := strings.Cut(asked, "=")
	if !ok {
		ref = version
	}
	binary := buildRelease(t, ref)
	out, err := filepath.Abs(filepath.Join(releasesDir, version))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile("testdata/release.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "vedette.yaml"), settings, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("SQLite", func(t *testing.T) {
		m := newMaker(t, binary, version, string(settings))
		m.hold = m.holdSQLite
		m.make(filepath.Join(out, "sqlite.tar.zst"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server := testbed.Postgres(t)
		m := newMaker(t, binary, version, string(settings))
		m.postgres = server.URL("vedette")
		m.write("vedette.yaml", strings.Replace(m.settings, "store:\n", fmt.Sprintf("store:\n  postgres: {url: %q}\n", m.postgres), 1))
		m.hold = m.holdPostgres
		m.make(filepath.Join(out, "postgres.tar.zst"))
	})
}

// buildRelease builds the binary of a commit in a work tree of its own.
func buildRelease(t *testing.T, ref string) string {
	t.Helper()
	dir := t.TempDir()
	tree, binary := filepath.Join(dir, "tree"), filepath.Join(dir, "vedette")
	run := func(in, name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = in, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := run(".", "git", "worktree", "add", "--detach", tree, ref); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run(".", "git", "worktree", "remove", "--force", tree); err != nil {
			t.Error(err)
		}
	})
	if err := run(tree, "go", "build", "-trimpath", "-o", binary, "./cmd/vedette"); err != nil {
		t.Fatal(err)
	}
	return binary
}

// maker runs an old binary in a folder, and does with it what people do.
type maker struct {
	t             *testing.T
	binary, dir   string
	settings      string
	postgres      string // URL; "" for SQLite
	hold          func() (release func())
	addr, metrics string
	cmd           *exec.Cmd
	ended         chan error
	out           release
}

func newMaker(t *testing.T, binary, version, settings string) *maker {
	t.Helper()
	m := &maker{t: t, binary: binary, dir: t.TempDir(), out: release{Version: version, Keys: map[string]releaseKey{}}}
	m.settings = strings.ReplaceAll(settings, "/fixture", m.dir)
	m.write("vedette.yaml", m.settings)
	writeLists(t, m.dir)
	return m
}

// writeLists writes the files that the configuration names.
func writeLists(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"lists/bad.txt": "203.0.113.66\n", "lists/good.txt": "203.0.113.1\n", "lists/set.txt": "203.0.113.77\n",
		"logs/audit.log": attack("followed", 1) + "\n" + attack("followed", 2) + "\n", "logs/cloudtrail/none.json": "",
		"rules/own.yml": `title: Our own rule
id: 8c0a2f0e-6a38-4d1c-9a53-0d9d6b6f7a10
level: medium
logsource: {product: kubernetes, service: audit}
detection:
  selection: {verb: list, objectRef.resource: pods, user.username: nosy}
  condition: selection
`,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *maker) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// run runs a command of the old binary.
func (m *maker) run(args ...string) []byte {
	m.t.Helper()
	cmd := exec.Command(m.binary, args...)
	cmd.Dir = m.dir
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("vedette %s: %v\n%s", strings.Join(args, " "), err, errorOf(err))
	}
	return out
}

func errorOf(err error) []byte {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.Stderr
	}
	return nil
}

// start runs the server, and reads where it listens from its log.
func (m *maker) start() {
	m.t.Helper()
	m.cmd = exec.Command(m.binary, "serve", "--config", "vedette.yaml")
	m.cmd.Dir = m.dir
	log, err := m.cmd.StderrPipe()
	if err == nil {
		err = m.cmd.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	cmd, ended, serving := m.cmd, make(chan error, 1), make(chan [2]string, 1)
	m.ended = ended
	m.t.Cleanup(func() { _ = cmd.Process.Kill() }) // an error says that it ended before
	go func() {
		for s := bufio.NewScanner(log); s.Scan(); {
			fmt.Fprintln(m.t.Output(), s.Text())
			if _, rest, ok := strings.Cut(s.Text(), "msg=serving addr="); ok {
				addr, rest, _ := strings.Cut(rest, " metrics=")
				metrics, _, _ := strings.Cut(rest, " ")
				serving <- [2]string{addr, metrics}
			}
		}
		ended <- cmd.Wait()
	}()
	select {
	case at := <-serving:
		m.addr, m.metrics = at[0], at[1]
	case err := <-ended:
		m.t.Fatalf("the server ended: %v", err)
	case <-time.After(time.Minute):
		m.t.Fatal("the server does not start")
	}
}

func (m *maker) stop() {
	m.t.Helper()
	if err := m.cmd.Process.Signal(os.Interrupt); err != nil {
		m.t.Fatal(err)
	}
	if err := <-m.ended; err != nil {
		m.t.Fatalf("the server did not end well: %v", err)
	}
}

// settled waits until nothing waits in the journal, and for two beats of what
// works beside the judges.
func (m *maker) settled() {
	m.t.Helper()
	quiet := 0
	until(m.t, "everything is judged", func() bool {
		time.Sleep(500 * time.Millisecond)
		res, err := http.Get("http://" + m.metrics + "/metrics")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		page, err := io.ReadAll(res.Body)
		waiting, shards := 0.0, 0
		for name, v := range samples(m.t, string(page)) {
			if strings.HasPrefix(name, "vedette_journal_waiting") {
				waiting, shards = waiting+v, shards+1
			}
		}
		quiet++
		if err != nil || waiting > 0 || shards != 4 {
			quiet = 0
		}
		return quiet >= 10
	})
}

func (m *maker) push(path string, lines []string) {
	m.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+m.addr+"/ingest/"+path, strings.NewReader(strings.Join(lines, "\n")+"\n"))
	if err != nil {
		m.t.Fatal(err)
	}
	k := m.out.Keys["ingest"]
	r.Header.Set("Authorization", "Bearer "+access.Key{ID: k.ID, Secret: k.Secret}.Token())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		m.t.Fatalf("push to %s: %s: %s", path, res.Status, text)
	}
}

// api makes a call that must succeed.
func (m *maker) api(method, path, body string) []byte {
	m.t.Helper()
	status, answer, err := call(m.addr, m.out.Keys["admin"], method, path, body)
	if err != nil || status != http.StatusOK {
		m.t.Fatalf("%s %s: %d %v\n%s", method, path, status, err, answer)
	}
	return answer
}

// make makes the data and packs them.
func (m *maker) make(path string) {
	m.keys()
	m.learn()
	m.start()
	m.settle()
	m.push("k8s-audit/prod", []string{attack("again", 1), attack("again", 2)})
	m.settled()
	m.attacks()
	m.settled()
	m.triage()
	var err error
	if m.out.Answers, m.out.Findings, err = look(m.addr, m.out.Keys["admin"]); err != nil {
		m.t.Fatal(err)
	}
	m.stop()
	m.out.Learned = m.run("learn", "--status", "-o", "json", "--config", "vedette.yaml")
	m.rest()
	m.ledger()
	m.dump()
	for _, name := range []string{"logs", "soc.jsonl", "events.jsonl", "criteria.json"} { // what the data do not need
		if err := os.RemoveAll(filepath.Join(m.dir, name)); err != nil {
			m.t.Fatal(err)
		}
	}
	text, err := json.Marshal(m.out)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write("release.json", string(text))
	if err := pack(m.dir, path); err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("%d findings, %d answers, ledger %v", len(m.out.Findings), len(m.out.Answers), m.out.Ledger)
}

// keys makes one of each role, and one that is revoked.
func (m *maker) keys() {
	m.t.Helper()
	for _, role := range []string{"admin", "analyst", "read-only", "ingest", "revoked"} {
		as := strings.Replace(role, "revoked", "admin", 1)
		var k struct{ AccessKeyID, SecretAccessKey string }
		out := m.run("keys", "create", "--config", "vedette.yaml", "--role", as, "--comment", "of "+role, "-o", "json")
		if err := json.Unmarshal(out, &k); err != nil {
			m.t.Fatal(err)
		}
		m.out.Keys[role] = releaseKey{k.AccessKeyID, k.SecretAccessKey}
	}
	m.run("keys", "revoke", "--config", "vedette.yaml", m.out.Keys["revoked"].ID)
}

// learn teaches the models usual days; the unusual act is kept for later.
func (m *maker) learn() {
	m.t.Helper()
	out := m.run("simulate", anomalous, "--time", begin.Format(time.RFC3339))
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	n := len(lines) - 20
	m.out.Act = lines[n:]
	m.write("days.log", strings.Join(lines[:n], "\n")+"\n")
	m.run("learn", "--config", "vedette.yaml", filepath.Join(m.dir, "days.log"))
	if err := os.Remove(filepath.Join(m.dir, "days.log")); err != nil {
		m.t.Fatal(err)
	}
}

// settle makes what people make when they set a server up.
func (m *maker) settle() {
	m.t.Helper()
	det := "/detector/" + releaseDetector()
	m.api(http.MethodPost, "/detector", `{"enable":true,"findingPublishingFrequency":"ONE_HOUR","tags":{"team":"security"},`+
		`"features":[{"name":"EKS_AUDIT_LOGS","status":"ENABLED"},{"name":"S3_DATA_EVENTS","status":"ENABLED"},{"name":"RUNTIME_MONITORING","status":"ENABLED"}]}`)
	m.api(http.MethodPost, det+"/filter", `{"name":"severe","action":"NOOP","rank":1,"description":"what is severe","findingCriteria":{"criterion":{"severity":{"gte":7}}}}`)
	m.api(http.MethodPost, det+"/filter", `{"name":"known-scanner","action":"ARCHIVE","rank":2,"findingCriteria":{"criterion":{"type":{"equals":["Recon:EC2/Portscan"]}}},"tags":{"owner":"security"}}`)
	m.write("criteria.json", `{"criterion":{"type":{"equals":["Policy:Kubernetes/ExposedDashboard"]}}}`)
	m.run("suppressions", "add", "dashboards", "--config", "vedette.yaml", "--criteria", "criteria.json", "--owner", "security@example.org", "--reason", "ours", "--expires", "2099-12-31")
	location := "file://" + filepath.Join(m.dir, "lists", "set.txt")
	m.api(http.MethodPost, det+"/ipset", fmt.Sprintf(`{"name":"office","format":"TXT","location":%q,"activate":false}`, location))
	m.api(http.MethodPost, det+"/threatintelset", fmt.Sprintf(`{"name":"enemies","format":"TXT","location":%q,"activate":true}`, location))
	m.api(http.MethodPost, det+"/publishingDestination", `{"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::findings-of-ours","kmsKeyArn":"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}}`)
	m.api(http.MethodPost, det+"/member", `{"accountDetails":[{"accountId":"444455556666","email":"ops@example.org"}]}`)
	until(m.t, "the list is in force", func() bool {
		var page struct{ ThreatIntelSetIDs []string }
		if err := json.Unmarshal(m.api(http.MethodGet, det+"/threatintelset", ""), &page); err != nil || len(page.ThreatIntelSetIDs) != 1 {
			m.t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		return bytes.Contains(m.api(http.MethodGet, det+"/threatintelset/"+page.ThreatIntelSetIDs[0], ""), []byte(`"ACTIVE"`))
	})
}

// attacks pushes, for each type of finding that needs no long log, what makes it.
func (m *maker) attacks() {
	m.t.Helper()
	var types []struct{ Type string }
	list := m.run("simulate", "--list")
	for line := range strings.Lines(string(list)) {
		types = append(types, struct{ Type string }{strings.Fields(line)[0]})
	}
	at := begin
	for _, one := range types {
		at = at.Add(time.Minute)
		out := m.run("simulate", one.Type, "--time", at.Format(time.RFC3339))
		if len(out) > 60_000 {
			continue
		}
		by := map[string][]string{}
		for line := range strings.Lines(strings.TrimSpace(string(out))) {
			line = strings.TrimSuffix(line, "\n")
			by[ingestPath(line)] = append(by[ingestPath(line)], line)
		}
		for path, lines := range by {
			m.push(path, lines)
		}
	}
}

// ingestPath is where records of this form are pushed.
func ingestPath(line string) string {
	switch {
	case strings.Contains(line, `"audit.k8s.io/v1"`):
		return "k8s-audit/prod"
	case strings.Contains(line, `"eventVersion"`):
		return "cloudtrail"
	case strings.Contains(line, `"query_name"`):
		return "dns"
	case strings.HasPrefix(line, "{"):
		return "runtime/prod"
	}
	return "vpc-flow"
}

// triage is what analysts do with findings.
func (m *maker) triage() {
	m.t.Helper()
	det := "/detector/" + releaseDetector()
	var page struct{ FindingIDs []string }
	if err := json.Unmarshal(m.api(http.MethodPost, det+"/findings", `{"maxResults":10}`), &page); err != nil || len(page.FindingIDs) < 6 {
		m.t.Fatalf("%d findings: %v", len(page.FindingIDs), err)
	}
	ids, _ := json.Marshal(page.FindingIDs[:3]) // strings
	m.api(http.MethodPost, det+"/findings/archive", fmt.Sprintf(`{"findingIds":%s}`, ids))
	m.api(http.MethodPost, det+"/findings/feedback", fmt.Sprintf(`{"findingIds":[%q],"feedback":"USEFUL","comments":"seen by the team"}`, page.FindingIDs[4]))
	m.api(http.MethodPost, det+"/findings/feedback", fmt.Sprintf(`{"findingIds":[%q],"feedback":"NOT_USEFUL"}`, page.FindingIDs[5]))
	m.settled()
}

// rest leaves records in the journal that nobody has judged: nothing can be
// committed while they come, and then the server is killed.
func (m *maker) rest() {
	m.t.Helper()
	m.start()
	m.settled()
	let := m.hold()
	const n = 40
	for i := range n {
		m.push("k8s-audit/later", []string{attack(restUser, i)})
	}
	m.push("k8s-audit/prod", []string{attack("again", 1), attack("again", 2)})
	m.out.Rest, m.out.Again = n, 2
	if err := m.cmd.Process.Kill(); err != nil {
		m.t.Fatal(err)
	}
	<-m.ended
	let()
}

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

// outageVar says how long the server is out of reach: 10m for the drill of
// docs/workshop.md, less in a test of every day.
const (
	outageVar     = "CHAOS_OUTAGE"
	defaultOutage = 45 * time.Second
)

// TestChaos breaks an installation in every way that operators meet, under a
// steady stream of calls, and then wants every record accounted for.
func TestChaos(t *testing.T) { chartTest(t, playChaos) }

func playChaos(ctx context.Context, t *testing.T, b *bed) {
	b.setUp(ctx, t)
	b.switchOn(ctx, t)
	b.sh.run(ctx, t, "kubectl create namespace other")
	if err := b.admin.Apply(ctx, busyPods, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	outage := outageOf(t)
	stream := b.startStream(ctx, t, outage)
	took := map[string]float64{}
	for _, trouble := range []struct {
		name string
		do   func(context.Context, *testing.T)
	}{
		{"pod deleted by force", func(ctx context.Context, t *testing.T) {
			b.sh.run(ctx, t, "kubectl -n vedette delete pod vedette-0 --force --grace-period=0")
		}},
		{"process killed", b.killServer},
		{"node drained", func(ctx context.Context, t *testing.T) {
			b.sh.run(ctx, t, "kubectl drain --ignore-daemonsets --delete-emptydir-data --force --timeout=120s ip-10-77-0-1.ec2.internal")
			time.Sleep(3 * time.Second)
			b.sh.run(ctx, t, "kubectl uncordon ip-10-77-0-1.ec2.internal")
		}},
		{"server out of reach", func(ctx context.Context, t *testing.T) { b.cutOff(ctx, t, outage) }},
		{"sensor upgraded", func(ctx context.Context, t *testing.T) {
			b.sh.run(ctx, t, fmt.Sprintf("helm upgrade vedette vedette -n vedette -f values.yaml --set-json 'sensor.extraArgs=[\"--pid=%d\",\"--cpu-limit=300m\"]' --wait --timeout 3m", b.outer))
			b.waitFor(ctx, t, "the sensor has the new arguments", func() (bool, string) {
				out, _ := b.sh.try(ctx, t, "kubectl -n amazon-guardduty get pods -o jsonpath='{range .items[*]}{.spec.containers[0].args} {.status.phase} {.status.containerStatuses[0].ready}{\"\\n\"}{end}'")
				pods := strings.Split(strings.TrimSpace(out), "\n")
				return len(pods) == 1 && strings.Contains(out, "--cpu-limit=300m") && strings.Contains(out, "Running true"), out
			})
		}},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			defer b.explain(ctx, t)
			start := time.Now()
			trouble.do(ctx, t)
			b.backAgain(ctx, t)
			took[trouble.name] = time.Since(start).Seconds()
			t.Logf("over, and the server is back, after %.1f s", took[trouble.name])
		})
	}
	time.Sleep(2 * time.Second)
	calls, bindings := stream.stop(t)
	t.Logf("%d calls, %d of them findings", calls, bindings)
	log := b.endOfLog(ctx, t)
	missed := 0
	t.Run("resent", func(t *testing.T) { missed = b.resend(ctx, t, log) })
	t.Run("findings", func(t *testing.T) { b.sameFindings(ctx, t, log, bindings) })
	t.Run("sensor", func(t *testing.T) { b.noGap(ctx, t) })
	t.Run("doctor", func(t *testing.T) { b.healthy(ctx, t) })
	t.Run("log read by the chart", func(t *testing.T) { b.logByChart(ctx, t) })
	b.artifact(t, "chaos.json", map[string]any{"calls": calls, "findings": bindings, "missed_by_webhook": missed, "seconds": took})
}

// busyPods run a program five times a second, so that the sensor has records
// to lose.
const busyPods = `apiVersion: apps/v1
kind: Deployment
metadata: {name: busy, namespace: other}
spec:
  replicas: 1
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: busy
        image: registry.test/busy:1
        command: [sh, -c, "while :; do cat /etc/hostname > /dev/null; sleep 0.2; done"]
`

// killServer ends the server's process as a lack of memory would. Only
// processes of the sandbox are in /proc here.
func (b *bed) killServer(ctx context.Context, t *testing.T) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(text), "/usr/local/bin/vedette\x00serve\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatal(err)
		}
		b.waitFor(ctx, t, "the process is gone", func() (bool, string) {
			again, err := os.ReadFile(file)
			return err != nil || string(again) != string(text), "still there"
		})
		return
	}
	t.Fatal("no process of the server")
}

// outageOf is how long nobody reaches the server.
func outageOf(t *testing.T) time.Duration {
	text := os.Getenv(outageVar)
	if text == "" {
		return defaultOutage
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", outageVar, err)
	}
	return d
}

// cutOff makes the server refuse every connection, those that are open too,
// from the API server and from the sensor.
func (b *bed) cutOff(ctx context.Context, t *testing.T, outage time.Duration) {
	address := b.sh.run(ctx, t, "kubectl -n vedette get pod vedette-0 -o jsonpath='{.status.podIP}'")
	rule := func(action string) {
		for _, chain := range []string{"OUTPUT", "FORWARD"} {
			if err := sandbox.Command(ctx, "iptables", "-w", "10", action, chain, "-p", "tcp", "-d", address, "--dport", "8700", "-j", "REJECT", "--reject-with", "tcp-reset"); err != nil {
				t.Fatal(err)
			}
		}
	}
	rule("-I")
	t.Logf("nobody reaches %s for %s", address, outage)
	time.Sleep(outage)
	rule("-D")
}

// backAgain waits until the server's pod is ready and its API answers.
func (b *bed) backAgain(ctx context.Context, t *testing.T) {
	t.Helper()
	b.waitFor(ctx, t, "the server is back", func() (bool, string) {
		out, _ := b.sh.try(ctx, t, "kubectl -n vedette get pod vedette-0 -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}'")
		if out != "True" {
			return false, out
		}
		_, err := b.ids(ctx)
		return err == nil, fmt.Sprint(err)
	})
}

// endOfLog ends the webhook and returns a copy of the audit log with
// everything that it may have sent, and more.
func (b *bed) endOfLog(ctx context.Context, t *testing.T) string {
	t.Helper()
	time.Sleep(12 * time.Second) // for what the API server still tries again
	if err := b.c.RestartAPIServer(ctx, "", b.path("audit-policy.yaml")); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(b.c.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := b.path("audit.log")
	to, err := os.Create(name)
	if err == nil {
		_, err = io.Copy(to, from)
	}
	if err == nil {
		err = to.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// pushed is the summary of a push or a scan.
type pushed struct{ Records, Sent, Malformed, Refused, Unsent, Evaluated, Duplicate int }

func lastSummary(t *testing.T, out string) (p pushed) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &p); err != nil {
		t.Fatalf("no summary: %v\n%s", err, out)
	}
	return p
}

// resend pushes the whole log and wants each of its events to be counted once,
// whichever way it came. It returns how many the webhook had not brought.
func (b *bed) resend(ctx context.Context, t *testing.T, log string) (missed int) {
	before := b.ledger(ctx, t)
	b.sh.run(ctx, t, `eval "$(kubectl -n vedette exec vedette-0 -- vedette keys create --role ingest -o env)"`)
	address := b.sh.run(ctx, t, "kubectl -n vedette get svc vedette -o jsonpath='{.spec.clusterIP}'")
	sent := lastSummary(t, b.sh.run(ctx, t, "vedette push --server https://"+address+":8700 --tls-server-name vedette.vedette.svc --ca-file vedette-ca.pem --cluster "+clusterName+" "+log))
	if sent.Records == 0 || sent.Sent != sent.Records || sent.Malformed+sent.Refused+sent.Unsent > 0 {
		t.Errorf("the push says %+v", sent)
	}
	scanned := lastSummary(t, b.sh.run(ctx, t, "vedette scan --cluster "+clusterName+" --account "+identity.Account+" --region "+region+" -o jsonl "+log+" 2>&1 > /dev/null"))
	var after counts
	b.soon(ctx, t, "everything is judged", func() (bool, string) {
		after = b.ledger(ctx, t)
		return after.received >= before.received+sent.Sent && after.received == after.ended, fmt.Sprintf("%+v", after)
	})
	t.Logf("before %+v, after %+v; the log has %d records, %d of them different", before, after, scanned.Records, scanned.Evaluated)
	if after.evaluated != scanned.Evaluated {
		t.Errorf("%d events were judged, and the log has %d", after.evaluated, scanned.Evaluated)
	}
	if after.other > 0 {
		t.Errorf("%d ended in another way: %s", after.other, after.detail)
	}
	return after.evaluated - before.evaluated
}

// counts are the accounting of the audit log.
type counts struct {
	received, evaluated, duplicate, other, ended int
	detail                                       string
}

// ledger reads the accounting as doctor tells it.
func (b *bed) ledger(ctx context.Context, t *testing.T) (c counts) {
	t.Helper()
	c.detail = b.doctor(ctx, t)["records of k8s-audit/"+clusterName].Detail
	sum, _, _ := strings.Cut(c.detail, ";")
	for _, m := range regexp.MustCompile(`(\d+) (received|evaluated|duplicate|malformed|dropped)`).FindAllStringSubmatch(sum, -1) {
		n, _ := strconv.Atoi(m[1])
		switch m[2] {
		case "received":
			c.received = n
			continue
		case "evaluated":
			c.evaluated = n
		case "duplicate":
			c.duplicate = n
		default:
			c.other += n
		}
		c.ended += n
	}
	if c.received == 0 {
		t.Fatalf("doctor says of the audit log: %q", c.detail)
	}
	return c
}

// finding of the doctor.
type checked struct{ Check, Status, Detail string }

func (b *bed) doctor(ctx context.Context, t *testing.T) map[string]checked {
	t.Helper()
	out, _ := b.sh.try(ctx, t, "kubectl -n vedette exec vedette-0 -- vedette doctor -o json 2> /dev/null")
	var all []checked
	_, list, _ := strings.Cut("\n"+out, "\n[") // a forwarded port may tell of its end at any time
	out = "[" + list
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("doctor: %v\n%s", err, out)
	}
	by := map[string]checked{}
	for _, c := range all {
		by[c.Check] = c
	}
	return by
}

// noGap wants every record that the sensor numbered to have come.
func (b *bed) noGap(ctx context.Context, t *testing.T) {
	t.Helper()
	b.waitFor(ctx, t, "the node is covered", func() (bool, string) { return b.covered(ctx) })
	detail := b.doctor(ctx, t)["records of runtime/"+clusterName].Detail
	t.Logf("runtime: %s", detail)
	if !strings.HasPrefix(detail, "balanced: ") || strings.Contains(detail, "sensor_gap") {
		t.Errorf("the accounting of the sensor's records: %s", detail)
	}
}

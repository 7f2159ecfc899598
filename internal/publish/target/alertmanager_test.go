package target_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/testbed"
)

// startProgram runs a program until the test ends, and waits until it listens.
func startProgram(t *testing.T, addr string, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not listen on %s", cmd.Path, addr)
}

// alertmanager is a real server of Prometheus Alertmanager.
func alertmanager(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		if bin, err = exec.LookPath("alertmanager"); err != nil {
			testbed.Lack(t, "alertmanager", "install Debian's package prometheus-alertmanager")
		}
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "am.yml")
	if err := os.WriteFile(conf, []byte("route: {receiver: none}\nreceivers: [{name: none}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := testbed.FreeAddr(t)
	startProgram(t, addr, exec.Command(bin, "--config.file="+conf, "--storage.path="+dir, "--web.listen-address="+addr, "--cluster.listen-address="))
	return "http://" + addr
}

// TestAlertmanager: a real server takes what is sent, an update is the same
// alert, and one of a source ends when it is well.
func TestAlertmanager(t *testing.T) {
	url := alertmanager(t)
	to := &target.Alertmanager{Web: target.Web{Client: target.NewClient(nil), Now: time.Now}, URL: url, Hold: time.Hour, Labels: map[string]string{"team": "soc"}}
	update := event(t)
	update.Update = true
	update.Finding().Service.Count = 9
	if err := to.Send(t.Context(), []publish.Event{event(t), update, wild(t), health(t, false, "no records")}); err != nil {
		t.Fatal(err)
	}
	alerts := activeAlerts(t, url, 3)
	seen := map[string]bool{}
	for _, a := range alerts {
		seen[a.Labels["alertname"]+" "+a.Labels["severity"]] = true
		if a.Labels["team"] != "soc" || a.Annotations["summary"] == "" {
			t.Errorf("alert %+v", a)
		}
		if left := time.Until(a.EndsAt); left < 50*time.Minute || left > 70*time.Minute {
			t.Errorf("it ends in %s", left)
		}
	}
	if len(alerts) != 3 || !seen["VedetteFinding medium"] || !seen["VedetteSourceUnhealthy warning"] {
		t.Errorf("%d alerts: %v", len(alerts), seen)
	}
	if err := to.Send(t.Context(), []publish.Event{health(t, true, "")}); err != nil {
		t.Fatal(err)
	}
	activeAlerts(t, url, 2)
	bad := event(t)
	to.Labels = map[string]string{"no-label": "x\xff"}
	refused := (*publish.RefusedError)(nil)
	if err := to.Send(t.Context(), []publish.Event{bad}); !errors.As(err, &refused) {
		t.Errorf("what the server refuses: %v", err)
	}
}

// TestAlertmanagerResolve: what is archived is no alert any more, nor is what an
// alert was before its severity rose.
func TestAlertmanagerResolve(t *testing.T) {
	url := alertmanager(t)
	to := &target.Alertmanager{Web: target.Web{Client: target.NewClient(nil), Now: time.Now}, URL: url, Hold: time.Hour}
	first, second := event(t), publish.FindingEvent(sample(t, "Discovery:Kubernetes/TorIPCaller"), now)
	second.Finding().ID, second.Incident.Key = "second", first.Incident.Key
	if err := to.Send(t.Context(), []publish.Event{first, second}); err != nil {
		t.Fatal(err)
	}
	activeAlerts(t, url, 2)
	first.Update, first.Incident.Was, first.Finding().Severity = true, 5, 8
	if err := to.Send(t.Context(), []publish.Event{first}); err != nil {
		t.Fatal(err)
	}
	severities := map[string]bool{}
	for _, a := range activeAlerts(t, url, 2) {
		severities[a.Labels["type"]+" "+a.Labels["severity"]] = true
	}
	if !severities[podType+" high"] {
		t.Errorf("alerts %v", severities)
	}
	over := first
	over.Ended, over.Incident.Was = []*finding.Finding{second.Finding(), first.Finding()}, 8
	if err := to.Send(t.Context(), []publish.Event{over}); err != nil {
		t.Fatal(err)
	}
	activeAlerts(t, url, 0)
}

type amAlert struct {
	Labels, Annotations map[string]string
	EndsAt              time.Time
}

// activeAlerts waits until there are so many.
func activeAlerts(t *testing.T, url string, want int) (out []amAlert) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(url + "/api/v2/alerts")
		if err != nil {
			t.Fatal(err)
		}
		out = nil
		err = json.NewDecoder(res.Body).Decode(&out)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(out) == want {
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d alerts, want %d: %+v", len(out), want, out)
		}
	}
}

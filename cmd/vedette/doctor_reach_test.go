package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/testbed"
)

// gate stands before a server and can be shut: nobody answers there then.
type gate struct {
	t        *testing.T
	addr, to string

	mu    sync.Mutex
	l     net.Listener
	conns []net.Conn
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	g := &gate{t: t, addr: "127.0.0.1:0", to: to}
	g.open()
	g.addr = g.l.Addr().String()
	t.Cleanup(g.shut)
	return g
}

func (g *gate) open() {
	g.t.Helper()
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.l = l
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", g.to)
			if err != nil {
				in.Close()
				continue
			}
			g.mu.Lock()
			g.conns = append(g.conns, in, out)
			g.mu.Unlock()
			go func() { io.Copy(in, out); in.Close() }()
			go func() { io.Copy(out, in); out.Close() }()
		}
	}()
}

func (g *gate) shut() {
	g.l.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		c.Close()
	}
	g.conns = nil
}

// doctorSays is what doctor prints, and whether it found a fault.
func doctorSays(t *testing.T, args ...string) (text string, fault bool) {
	t.Helper()
	var out bytes.Buffer
	cmd := doctorCommand(streams{strings.NewReader(""), &out, &out})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	if err != nil && !errors.Is(err, exitCode(exitError)) {
		t.Fatal(err)
	}
	return out.String(), err != nil
}

// TestUnreachable: a queue and a bucket that do not answer are told of as
// sources, the server stays ready, and all is well when they are back.
func TestUnreachable(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts servers and waits until they are missed")
	}
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": testbed.AWSKey, "AWS_SECRET_ACCESS_KEY": testbed.AWSSecret, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(k, v)
	}
	s3, sqs := testbed.S3(t), testbed.SQS(t)
	s3.Bucket("logs")
	queue := strings.TrimPrefix(sqs.Queue("vedette", 30*time.Second, "", 0), sqs.Endpoint)
	toS3 := newGate(t, strings.TrimPrefix(s3.Endpoint, "http://"))
	toSQS := newGate(t, strings.TrimPrefix(sqs.Endpoint, "http://"))
	dir := t.TempDir()
	file := filepath.Join(dir, "vedette.yaml")
	listen := testbed.FreeAddr(t)
	text := fmt.Sprintf(`account: "111122223333"
region: eu-central-1
server: {listen: "127.0.0.1:0", metricsListen: %q}
store: {dataDir: %q}
intelligence: {feeds: {enabled: false}}
ingest:
  queues:
  - {url: "http://%s%s", region: %s, endpoint: "http://%s", pathStyle: true, digests: "off"}
  objects: {tries: 1}
  buckets:
  - {name: logs, every: 1s, region: %[5]s, endpoint: "http://%[6]s", pathStyle: true, digests: "off"}
`, listen, filepath.Join(dir, "data"), toSQS.addr, queue, testbed.AWSRegion, toS3.addr)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(t.Context(), app.Options{Config: cfg, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "test", Role: "all"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	queueRow, bucketRow := "source sqs-queue/"+toSQS.addr+queue, "source s3-bucket/logs"
	// look waits until both rows of doctor's JSON have a status, and returns their details.
	look := func(status, part string) (details []string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			text, fault := doctorSays(t, "--config", file, "-o", "json")
			var checks []check
			if err := json.Unmarshal([]byte(text), &checks); err != nil {
				t.Fatal(err, text)
			}
			details = nil
			for _, c := range checks {
				if (c.Name == queueRow || c.Name == bucketRow) && c.Status == status && strings.Contains(c.Detail, part) {
					details = append(details, c.Detail)
				}
			}
			if len(details) == 2 {
				if fault != (status == statusFault) {
					t.Errorf("doctor found a fault: %v\n%s", fault, text)
				}
				return details
			}
			if time.Now().After(deadline) {
				t.Fatalf("both are %s in vain:\n%s", status, text)
			}
		}
	}
	get := func(path string) string {
		t.Helper()
		res, err := http.Get("http://" + listen + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(path, res.Status, err)
		}
		return string(b)
	}
	look(statusOK, "it answered at ")
	if got := get("/readyz"); got != "ok\n" {
		t.Errorf("readyz: %q", got)
	}

	toS3.shut()
	toSQS.shut()
	for i, d := range look(statusFault, "UNHEALTHY since ") {
		key := []string{"ingest.buckets[0]: list s3://logs/AWSLogs/", "ingest.queues[0]: read http://" + toSQS.addr + queue}[i]
		wantText(t, "doctor", d, "Source unreachable:"+key+": nothing answers; see that the address (url, endpoint, region) is right")
	}
	human, _ := doctorSays(t, "--config", file)
	wantText(t, "doctor for people", human, "fault  "+queueRow)
	wantText(t, "readyz", get("/readyz"), "ok\nbut out of reach: s3-bucket/logs, sqs-queue/"+toSQS.addr+queue+"; `vedette doctor` says why\n")
	metric := `vedette_ingest_source_healthy{cluster="logs",source="s3-bucket"} `
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(get("/metrics"), metric+"0"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the metrics do not tell")
		}
	}

	toS3.open()
	toSQS.open()
	look(statusOK, "it answered at ")
	if got := get("/readyz"); got != "ok\n" {
		t.Errorf("readyz: %q", got)
	}

	// An object that cannot be read is another matter: the bucket is well.
	const torn = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/31/111122223333_CloudTrail_us-east-1_20260131T1200Z_x.json.gz"
	s3.Put("logs", torn, []byte("\x1f\x8b\x08 and no more"), nil)
	sqs.Send(sqs.Endpoint+queue, fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"logs"},"object":{"key":%q}}}]}`, torn))
	lost := "source s3-objects of 111122223333 in us-east-1  UNHEALTHY since "
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		human, _ = doctorSays(t, "--config", file)
		if strings.Contains(strings.Join(strings.Fields(human), " "), strings.Join(strings.Fields(lost), " ")) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the object is lost in silence:\n%s", human)
		}
	}
	wantText(t, "doctor", human, "Object lost:s3://logs/"+torn+": it was tried 1 times: read s3://logs/"+torn)
	if strings.Contains(human, "Source unreachable") {
		t.Errorf("the bucket answered:\n%s", human)
	}
}

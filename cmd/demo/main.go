// Demo shows Vedette at work: it starts a server on the loopback, pushes the
// audit log of a real cluster through the webhook endpoint, as an API server
// does, and prints the findings. The log holds the steps of the EKS workshop's
// GuardDuty lab and of AWS's own tester among ordinary traffic.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

//go:embed audit.log.gz
var auditLog []byte

// batchSize is how many events an API server sends at once by default.
const batchSize = 400

func main() {
	binary := flag.String("vedette", "", "the vedette binary to run")
	dir := flag.String("data-dir", "demo-data", "where the demo keeps its findings; emptied first")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := demo(ctx, *binary, *dir)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, binary, dir string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	metrics, err := freeAddr()
	if err != nil {
		return err
	}
	if err := emptied(dir); err != nil {
		return err
	}
	fmt.Printf("Starting   vedette serve --data-dir %s --listen %s\n", dir, addr)
	server := exec.CommandContext(ctx, binary, "serve", "--data-dir", dir, "--listen", addr, "--metrics-listen", metrics)
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 10 * time.Second
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	defer func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}()
	if err := waitFor(ctx, addr); err != nil {
		return fmt.Errorf("%w; its log:\n%s", err, log.String())
	}
	url := "http://" + addr + "/ingest/k8s-audit/demo"
	start := time.Now()
	events, size, err := pushAll(ctx, url)
	if err != nil {
		return err
	}
	if err := judged(ctx, "http://"+metrics+"/metrics"); err != nil {
		return err
	}
	took := time.Since(start)
	if err := correlated(ctx, binary, dir); err != nil {
		return err
	}
	fmt.Printf("Pushed     %d audit events (%.1f MB) of a real kube-apiserver to %s in %v\n\n", events, float64(size)/1e6, url, took.Round(time.Millisecond))
	list := exec.CommandContext(ctx, binary, "findings", "list", "--data-dir", dir)
	list.Stdout, list.Stderr = os.Stdout, os.Stderr
	if err := list.Run(); err != nil {
		return fmt.Errorf("list the findings: %w", err)
	}
	fmt.Printf(`
Where to look next (the findings stay in %[2]s):
  %[1]s findings list --data-dir %[2]s -o json
  %[1]s catalog Execution:Kubernetes/ExecInKubeSystemPod     what a type means and what to do
  %[1]s serve --data-dir %[2]s &
  %[1]s keys link --data-dir %[2]s                           then open what it prints: the console
  . %[2]s/admin-credentials.env                     or ask with the AWS CLI:
  aws guardduty create-detector --enable --endpoint-url http://127.0.0.1:8700
  aws guardduty list-findings --detector-id "$(aws guardduty list-detectors --endpoint-url http://127.0.0.1:8700 --query 'DetectorIds[0]' --output text)" --endpoint-url http://127.0.0.1:8700
`, binary, dir)
	return nil
}

// emptied makes the folder of an earlier demo empty. It touches no folder that
// is not a demo's.
func emptied(dir string) error {
	mark := filepath.Join(dir, ".vedette-demo")
	if _, err := os.Stat(dir); err == nil {
		if _, err := os.Stat(mark); err != nil {
			return fmt.Errorf("%s is there and was not made by a demo; name another folder with --data-dir", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(mark, nil, 0o600)
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func waitFor(ctx context.Context, addr string) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("the server did not start")
}

// pushAll sends the bundled log in batches, each an EventList, in order.
func pushAll(ctx context.Context, url string) (events, size int, err error) {
	zr, err := gzip.NewReader(bytes.NewReader(auditLog))
	if err != nil {
		return 0, 0, err
	}
	in := bufio.NewScanner(zr)
	in.Buffer(nil, 16<<20)
	var batch [][]byte
	for more := true; more; {
		if more = in.Scan(); more {
			batch = append(batch, bytes.Clone(in.Bytes()))
			size += len(in.Bytes())
			events++
		}
		if len(batch) == batchSize || !more && len(batch) > 0 {
			if err := push(ctx, url, batch); err != nil {
				return events, size, err
			}
			batch = batch[:0]
		}
	}
	return events, size, in.Err()
}

// judged waits until nothing waits in the journal any more.
func judged(ctx context.Context, url string) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("read the metrics: %w", err)
		}
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return fmt.Errorf("read the metrics: %w", err)
		}
		shards, idle := 0, 0
		for line := range strings.Lines(string(page)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && strings.HasPrefix(name, "vedette_journal_waiting_messages{") {
				if shards++; value == "0" {
					idle++
				}
			}
		}
		if shards > 0 && shards == idle {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("the server does not judge what it took")
}

// correlated waits until the attack that the log tells of has been put together
// from its steps: that is done behind judging, a moment later.
func correlated(ctx context.Context, binary, dir string) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		list, err := exec.CommandContext(ctx, binary, "findings", "list", "--data-dir", dir, "-o", "jsonl").Output()
		if err != nil {
			return fmt.Errorf("list the findings: %w", err)
		}
		if bytes.Contains(list, []byte(`"AttackSequence:`)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("the steps of the attack were not put together")
}

func push(ctx context.Context, url string, items [][]byte) error {
	body := `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + string(bytes.Join(items, []byte(","))) + `]}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"?timeout=30s", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("push a batch: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return fmt.Errorf("push a batch: status %d: %s", res.StatusCode, text)
	}
	return nil
}

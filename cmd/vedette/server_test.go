package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/testscript"
)

// Commands of the scripts that need a running server. A script has one at a time.

// running is the server of a script.
type running struct {
	cmd   *exec.Cmd
	ended chan error // has the result once it ended
}

var servingLine = regexp.MustCompile(`msg=serving addr=(\S+) metrics=(\S+)`)

// serve starts `vedette serve ARG…` on free ports, waits until it serves, and
// sets URL, METRICS and the name under which `stop-server` finds it. What it
// logs is kept in server.log.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	args = append([]string{"vedette", "serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"}, args...)
	r := &running{cmd: program(ts, args...), ended: make(chan error, 1)}
	logPipe, err := r.cmd.StderrPipe()
	ts.Check(err)
	log, err := os.Create(ts.MkAbs("server.log"))
	ts.Check(err)
	ts.Check(r.cmd.Start())
	addresses := make(chan []string, 1)
	go func() {
		defer log.Close()
		lines := bufio.NewScanner(logPipe)
		for lines.Scan() {
			fmt.Fprintln(log, lines.Text())
			if m := servingLine.FindStringSubmatch(lines.Text()); m != nil {
				addresses <- m
			}
		}
		r.ended <- r.cmd.Wait()
	}()
	ts.Defer(func() { _ = r.cmd.Process.Kill() }) // fails when it ended before
	select {
	case m := <-addresses:
		ts.Setenv("URL", "http://"+m[1])
		ts.Setenv("METRICS", m[2])
	case err := <-r.ended:
		ts.Fatalf("the server did not start (%v):\n%s", err, ts.ReadFile("server.log"))
	case <-time.After(20 * time.Second):
		ts.Fatalf("the server did not start:\n%s", ts.ReadFile("server.log"))
	}
	ts.SetCmd("stop-server", func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Check(r.cmd.Process.Signal(os.Interrupt))
		select {
		case err := <-r.ended:
			ts.Check(err)
		case <-time.After(25 * time.Second):
			ts.Fatalf("the server does not stop:\n%s", ts.ReadFile("server.log"))
		}
	})
}

// pushFile pushes a file as an API server would: push CLUSTER FILE [TOKEN]
func pushFile(ts *testscript.TestScript, neg bool, args []string) {
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("URL")+"/ingest/k8s-audit/"+args[0]+"?timeout=30s", strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	if len(args) > 2 {
		req.Header.Set("Authorization", "Bearer "+args[2])
	}
	status := answer(ts, req)
	if (status == http.StatusOK) == neg {
		ts.Fatalf("status %d", status)
	}
	judged(ts)
}

var waiting = regexp.MustCompile(`(?m)^vedette_journal_waiting_messages\{.*\} (.+)$`)

// judged waits until nothing waits in the journal of the server.
func judged(ts *testscript.TestScript) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		res, err := http.Get("http://" + ts.Getenv("METRICS") + "/metrics")
		ts.Check(err)
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		ts.Check(err)
		shards := waiting.FindAllSubmatch(page, -1)
		if len(shards) > 0 && !slices.ContainsFunc(shards, func(m [][]byte) bool { return string(m[1]) != "0" }) {
			return
		}
	}
	ts.Fatalf("what was pushed is not judged")
}

// answer prints a response's status and body, and returns the status.
func answer(ts *testscript.TestScript, req *http.Request) int {
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", res.StatusCode, bytes.TrimSpace(body))
	return res.StatusCode
}

// loadEnv sets what a file of `export NAME=VALUE` lines sets: load-env FILE
func loadEnv(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		k, v, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if !ok || !strings.HasPrefix(line, "export ") {
			ts.Fatalf("%s: %q exports nothing", args[0], line)
		}
		ts.Setenv(k, v)
	}
}

// signed calls the API with the key in the environment, signed by AWS's own
// code, and wants 200: signed METHOD PATH [BODY]
func signed(ts *testscript.TestScript, neg bool, args []string) {
	body := strings.Join(args[2:], " ")
	req, err := http.NewRequest(args[0], ts.Getenv("URL")+args[1], strings.NewReader(body))
	ts.Check(err)
	sum := sha256.Sum256([]byte(body))
	creds := aws.Credentials{AccessKeyID: ts.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: ts.Getenv("AWS_SECRET_ACCESS_KEY")}
	ts.Check(v4.NewSigner().SignHTTP(context.Background(), creds, req, hex.EncodeToString(sum[:]), "guardduty", ts.Getenv("AWS_DEFAULT_REGION"), time.Now()))
	if status := answer(ts, req); (status == http.StatusOK) == neg {
		ts.Fatalf("status %d", status)
	}
}

// stopServer is what `stop-server` means before there is a server.
func stopServer(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("no server was started") }

// interrupt starts a program, lets it read from an input that does not end,
// interrupts it and wants it to end with status 1: interrupt PROGRAM ARG…
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	cmd := program(ts, args...)
	in, err := cmd.StdinPipe()
	ts.Check(err)
	defer in.Close()
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	ts.Check(cmd.Start())
	// More than a pipe holds: when it is written, the program is reading.
	_, err = in.Write(bytes.Repeat([]byte(" \n"), 256<<10))
	ts.Check(err)
	ts.Check(cmd.Process.Signal(os.Interrupt))
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		<-ended
		ts.Fatalf("it went on after an interrupt")
	}
	if code := cmd.ProcessState.ExitCode(); code != exitError {
		ts.Fatalf("exit status %d", code)
	}
}

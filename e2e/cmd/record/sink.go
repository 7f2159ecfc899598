package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// sink receives audit batches as Vedette would and keeps their bodies, one a
// line, so that decoders can be tested against what a webhook really posts.
type sink struct {
	path       string
	kubeconfig string
	server     *http.Server
	mu         sync.Mutex // guards file
	file       *os.File
}

func startSink(path string) (*sink, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make the webhook's file: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the webhook: %w", err)
	}
	s := &sink{path: path, kubeconfig: filepath.Join(filepath.Dir(path), "webhook.kubeconfig"), file: file}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }()
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: sink, cluster: {server: "http://%s/audit"}}]
users: [{name: sink, user: {}}]
contexts: [{name: sink, context: {cluster: sink, user: sink}}]
current-context: sink
`, l.Addr())
	if err := os.WriteFile(s.kubeconfig, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the webhook's kubeconfig: %w", err)
	}
	return s, nil
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// The API server ends the body with a newline of its own.
	if _, err := s.file.Write(b); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (s *sink) close() {
	_ = s.server.Close()
	_ = s.file.Close()
}

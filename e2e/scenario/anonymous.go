package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// anonymous makes a step's function of one call without credentials.
func anonymous(method, path string, want int) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		got, err := e.call(ctx, method, path, "")
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("anonymous %s %s: status %d, want %d", method, path, got, want)
		}
		return nil
	}
}

// badToken makes a step's function of one call with a token nobody issued.
func badToken(path string) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		got, err := e.call(ctx, http.MethodGet, path, "stale-token")
		if err != nil {
			return err
		}
		if got != http.StatusUnauthorized {
			return fmt.Errorf("GET %s with a bad token: status %d, want 401", path, got)
		}
		return nil
	}
}

// call is curl: one connection, one request, no client library.
func (e *Env) call(ctx context.Context, method, path, token string) (int, error) {
	client, err := e.Cluster.HTTP(Anonymous)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, method, e.Cluster.Server()+path, nil)
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("User-Agent", "curl/7.88.1")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("call the API server: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, nil
}

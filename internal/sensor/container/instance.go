package container

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// MetadataService is where EC2 tells an instance who it is.
const MetadataService = "http://169.254.169.254"

// metadataFor bounds each of the two calls. On EC2 they take milliseconds;
// elsewhere nobody answers.
const metadataFor = time.Second

// Instance asks EC2 which instance this is: version 2 of the service, which
// takes a token first.
func Instance(ctx context.Context, service string, node *event.Node) error {
	client := &http.Client{Timeout: metadataFor, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	call := func(method, path, header, value string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(service, "/")+path, nil)
		if err != nil {
			return "", err
		}
		req.Header.Set(header, value)
		resp, err := client.Do(req)
		if err != nil {
			return "", fmt.Errorf("instance metadata: %w", err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("instance metadata: %s answers %s", path, resp.Status)
		}
		return string(b), err
	}
	token, err := call(http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil {
		return err
	}
	text, err := call(http.MethodGet, "/latest/dynamic/instance-identity/document", "X-aws-ec2-metadata-token", token)
	if err != nil {
		return err
	}
	return parseIdentity([]byte(text), node)
}

func parseIdentity(text []byte, node *event.Node) error {
	var doc struct{ InstanceID, AccountID, Region string }
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("instance identity document: %w", err)
	}
	if !strings.HasPrefix(doc.InstanceID, "i-") || !event.IsAccount(doc.AccountID) {
		return fmt.Errorf("instance identity document names instance %.40q of account %.40q", doc.InstanceID, doc.AccountID)
	}
	node.InstanceID, node.Account, node.Region = doc.InstanceID, doc.AccountID, doc.Region
	return nil
}

package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// KeySource finds the public keys that CloudTrail signs with. Each Region has
// its own.
type KeySource struct {
	// Fixed are keys from a file.
	Fixed []PublicKey
	// Ask, if set, asks the API for the keys that were valid in a time.
	Ask func(ctx context.Context, region string, from, until time.Time) ([]PublicKey, error)

	mu    sync.Mutex
	asked map[string]PublicKey // by Region and fingerprint
}

// find returns the key of a fingerprint that was valid at a time, nil if there
// is none.
func (k *KeySource) find(ctx context.Context, region, fingerprint string, at time.Time) (*PublicKey, error) {
	valid := func(key *PublicKey) bool {
		return key.Fingerprint == fingerprint && !at.Before(key.From) && !at.After(key.Until)
	}
	for i := range k.Fixed {
		if valid(&k.Fixed[i]) {
			return &k.Fixed[i], nil
		}
	}
	if k.Ask == nil {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.asked[region+"/"+fingerprint]; ok && valid(&key) {
		return &key, nil
	}
	list, err := k.Ask(ctx, region, at.Add(-time.Hour), at.Add(time.Hour))
	if err != nil {
		return nil, err
	}
	if k.asked == nil {
		k.asked = map[string]PublicKey{}
	}
	for _, key := range list {
		k.asked[region+"/"+key.Fingerprint] = key
	}
	if key, ok := k.asked[region+"/"+fingerprint]; ok && valid(&key) {
		return &key, nil
	}
	return nil, nil
}

// AskCloudTrail returns a function for KeySource.Ask that calls ListPublicKeys.
// The endpoint is that of the Region unless one is given.
func AskCloudTrail(cfg aws.Config, endpoint string, now func() time.Time) func(context.Context, string, time.Time, time.Time) ([]PublicKey, error) {
	a := &keyAPI{cfg, endpoint, now, v4.NewSigner()}
	return a.list
}

type keyAPI struct {
	cfg      aws.Config
	endpoint string
	now      func() time.Time
	signer   *v4.Signer
}

// maxKeyPages bounds the pages of an answer; a Region has a few keys.
const maxKeyPages = 20

func (a *keyAPI) list(ctx context.Context, region string, from, until time.Time) ([]PublicKey, error) {
	var out []PublicKey
	next := ""
	for range maxKeyPages {
		body, err := a.call(ctx, region, from, until, next)
		if err != nil {
			return nil, fmt.Errorf("ask CloudTrail in %s for its public keys: %w; allow cloudtrail:ListPublicKeys to Vedette's role, or set publicKeysFile", region, err)
		}
		list, more, err := ParsePublicKeys(body)
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); more == "" {
			break
		}
		next = more
	}
	return out, nil
}

// call sends one request, in the JSON protocol of CloudTrail.
func (a *keyAPI) call(ctx context.Context, region string, from, until time.Time, next string) ([]byte, error) {
	in := map[string]any{"StartTime": from.Unix(), "EndTime": until.Unix()}
	if next != "" {
		in["NextToken"] = next
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	url := a.endpoint
	if url == "" {
		url = "https://cloudtrail." + region + ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			url += ".cn"
		}
		url += "/"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListPublicKeys")
	creds, err := a.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	if err := a.signer.SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), "cloudtrail", region, a.now()); err != nil {
		return nil, err
	}
	client := a.cfg.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200s", res.StatusCode, answer)
	}
	return answer, err
}

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/vedette-project/vedette/e2e/identity"
)

// scanAgrees scans the audit log file of the same run. The findings must be
// those of the server, value for value: the file and the webhook carry the
// same events, in different batches and orders. Sequences are told some seconds
// after their last step.
func (v *vedette) scanAgrees(ctx context.Context, t *testing.T, auditLog string) {
	var diffs []string
	for end := time.Now().Add(3 * settle); time.Now().Before(end); time.Sleep(time.Second) {
		if diffs = v.disagreements(ctx, t, auditLog); len(diffs) == 0 {
			return
		}
	}
	for _, d := range diffs {
		t.Error(d)
	}
}

// disagreements are the differences between the server's findings and a scan's.
func (v *vedette) disagreements(ctx context.Context, t *testing.T, auditLog string) (out []string) {
	live := map[string]map[string]any{}
	ids, err := v.ids(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(ids, 50) {
		for _, f := range v.raw(ctx, t, chunk) {
			live[fmt.Sprint(f["id"])] = f
		}
	}
	scanned := map[string]map[string]any{}
	for line := range bytes.Lines(v.run(ctx, t, "scan", "--cluster", clusterName, "--account", identity.Account, "--region", region, "-o", "jsonl", auditLog)) {
		f := decode(t, line)
		scanned[fmt.Sprint(f["id"])] = f
	}
	for id, want := range live {
		got := scanned[id]
		if got == nil {
			out = append(out, fmt.Sprintf("scan lacks finding %s of type %v", id, want["type"]))
			continue
		}
		for _, d := range diff("", portable(t, want), portable(t, got)) {
			out = append(out, fmt.Sprintf("finding %s of type %v: %s", id, want["type"], d))
		}
	}
	for id, f := range scanned {
		if live[id] == nil {
			out = append(out, fmt.Sprintf("scan has finding %s of type %v, which the server has not", id, f["type"]))
		}
	}
	return out
}

// portable takes out what does not come from the log: what people did with the
// finding since, and how the record was wrapped on its way. A line of the log
// file names its kind and API version; an item of a webhook's list does not.
func portable(t *testing.T, f map[string]any) map[string]any {
	service, ok := f["service"].(map[string]any)
	if !ok {
		return f
	}
	delete(service, "archived")
	delete(service, "userFeedback")
	info, ok := service["additionalInfo"].(map[string]any)
	if !ok {
		return f
	}
	if text, ok := info["value"].(string); ok {
		info["value"] = unwrap(decode(t, []byte(text)))
	}
	return f
}

// unwrap replaces each raw record inside v, which is JSON in a string, by its
// fields without the two that depend on the transport.
func unwrap(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if text, ok := e.(string); ok && k == "raw" {
				v[k] = record(text)
				continue
			}
			v[k] = unwrap(e)
		}
	case []any:
		for i, e := range v {
			v[i] = unwrap(e)
		}
	}
	return v
}

// record is a raw record without its wrapping: decoded, or, if the evidence
// holds only its start, the start of that.
func record(text string) any {
	const wrapping, start = `"kind":"Event","apiVersion":"audit.k8s.io/v1",`, 1024
	text = strings.Replace(text, wrapping, "", 1)
	var r map[string]any
	if json.Unmarshal([]byte(text), &r) != nil {
		return text[:min(len(text), start)]
	}
	return r
}

// raw reads findings as they are on the wire, past the SDK's types.
func (v *vedette) raw(ctx context.Context, t *testing.T, ids []string) []map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"findingIds": ids})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.endpoint+"/detector/"+v.detector+"/findings/get", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	creds, err := v.keys.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), "guardduty", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("get findings: %s %s %v", resp.Status, answer, err)
	}
	var out struct{ Findings []json.RawMessage }
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for _, f := range out.Findings {
		all = append(all, decode(t, f))
	}
	return all
}

// decode keeps numbers as they are written.
func decode(t *testing.T, b []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var f map[string]any
	if err := d.Decode(&f); err != nil {
		t.Fatalf("decode a finding: %v\n%s", err, b)
	}
	return f
}

// diff lists the places where two JSON values differ.
func diff(at string, want, got any) []string {
	if w, ok := want.([]any); ok {
		if g, ok := got.([]any); ok && len(w) == len(g) {
			var out []string
			for i := range w {
				out = append(out, diff(fmt.Sprintf("%s[%d]", at, i), w[i], g[i])...)
			}
			return out
		}
	}
	w, ok1 := want.(map[string]any)
	g, ok2 := got.(map[string]any)
	if !ok1 || !ok2 {
		if reflect.DeepEqual(want, got) {
			return nil
		}
		return []string{fmt.Sprintf("%s: the server says %.300v, scan says %.300v", at, want, got)}
	}
	var out []string
	for k := range w {
		out = append(out, diff(at+"."+k, w[k], g[k])...)
	}
	for k := range g {
		if _, ok := w[k]; !ok {
			out = append(out, fmt.Sprintf("%s.%s: only scan has it: %.300v", at, k, g[k]))
		}
	}
	slices.Sort(out)
	return out
}

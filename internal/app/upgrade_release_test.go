package app

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
)

// releasesDir holds, for each version before this one, the data that its own
// binary wrote, with the configuration that it ran with. upgrade_make_test.go
// made it.
const releasesDir = "../store/testdata/releases"

// release is what is kept of a version's data, beside the files themselves.
type release struct {
	Version string
	// Keys are those that were made, by role; "revoked" was revoked.
	Keys map[string]releaseKey
	// Answers are what its API said, by path, before the rest was pushed: texts,
	// so that not a byte of them changes.
	Answers map[string]string
	// Findings are what its API said of each finding, by id.
	Findings map[string]string
	// Learned is what its models knew.
	Learned json.RawMessage
	// Ledger are the records of each outcome.
	Ledger map[string]int64
	// Rest is how many records of one attack wait in the journal, judged by
	// nobody; Again how many that were judged before wait there once more.
	Rest, Again int64
	// Act is an unusual act, after the usual days that the models learned from.
	Act []string
}

// releaseKey is an access key.
type releaseKey struct{ ID, Secret string }

const (
	releaseAccount = "111122223333"
	releaseRegion  = "eu-central-1"
	restUser       = "left-in-the-journal"
)

func releaseDetector() string { return finding.DetectorID(releaseAccount, releaseRegion) }

// call makes a signed request of the GuardDuty API.
func call(addr string, k releaseKey, method, path, body string) (status int, answer []byte, err error) {
	r, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	sum := sha256.Sum256([]byte(body))
	credentials := aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}
	err = v4.NewSigner().SignHTTP(r.Context(), credentials, r, hex.EncodeToString(sum[:]), "guardduty", releaseRegion, time.Now())
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// look reads all that the API tells of what somebody has set up.
func look(addr string, k releaseKey) (answers, findings map[string]string, err error) {
	l := &looker{addr: addr, key: k, answers: map[string]string{}, findings: map[string]string{}}
	det := "/detector/" + releaseDetector()
	l.get("/detector")
	l.get(det)
	l.each(det+"/filter", "filterNames")
	l.each(det+"/ipset", "ipSetIds")
	l.each(det+"/threatintelset", "threatIntelSetIds")
	l.each(det+"/publishingDestination", "")
	l.get(det + "/member?onlyAssociated=false")
	l.get("/tags/" + url.PathEscape("arn:aws:guardduty:"+releaseRegion+":"+releaseAccount+":detector/"+releaseDetector()))
	l.everyFinding(det)
	return l.answers, l.findings, l.err
}

// looker stops asking after the first fault.
type looker struct {
	addr              string
	key               releaseKey
	answers, findings map[string]string
	err               error
}

func (l *looker) ask(method, path, body string) []byte {
	if l.err != nil {
		return nil
	}
	status, answer, err := call(l.addr, l.key, method, path, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, status, answer)
	}
	l.err = err
	return answer
}

func (l *looker) get(path string) []byte {
	b := l.ask(http.MethodGet, path, "")
	if l.err == nil {
		l.answers[path] = string(b)
	}
	return b
}

// each reads a list, and what is said of each of its members.
func (l *looker) each(path, members string) {
	var list map[string]json.RawMessage
	if b := l.get(path); l.err == nil {
		l.err = json.Unmarshal(b, &list)
	}
	var names []string
	if members == "" {
		var of []struct{ DestinationID string }
		l.take(list["destinations"], &of)
		for _, d := range of {
			names = append(names, d.DestinationID)
		}
	} else {
		l.take(list[members], &names)
	}
	if l.err == nil && len(names) == 0 {
		l.err = fmt.Errorf("GET %s: it lists nothing: %s", path, l.answers[path])
	}
	for _, n := range names {
		l.get(path + "/" + url.PathEscape(n))
	}
}

func (l *looker) take(b json.RawMessage, into any) {
	if l.err == nil {
		l.err = json.Unmarshal(b, into)
	}
}

func (l *looker) everyFinding(det string) {
	for token := ""; l.err == nil; {
		var page struct {
			FindingIDs []string `json:"findingIds"`
			NextToken  string   `json:"nextToken"`
		}
		l.take(l.ask(http.MethodPost, det+"/findings", fmt.Sprintf(`{"maxResults":50,"nextToken":%q}`, token)), &page)
		if len(page.FindingIDs) > 0 {
			ids, _ := json.Marshal(page.FindingIDs) // strings
			var got struct{ Findings []json.RawMessage }
			l.take(l.ask(http.MethodPost, det+"/findings/get", fmt.Sprintf(`{"findingIds":%s}`, ids)), &got)
			for _, f := range got.Findings {
				var of struct{ ID string }
				l.take(f, &of)
				l.findings[of.ID] = string(f)
			}
		}
		if token = page.NextToken; token == "" {
			return
		}
	}
}

// pack writes a folder into one compressed file.
func pack(dir, path string) error {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: filepath.ToSlash(rel), Mode: 0o600, Size: int64(len(b)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	})
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// unpack is the other way.
func unpack(t *testing.T, path, dir string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		b, err := io.ReadAll(r)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// mayDo asks what each role may, and says the statuses.
func mayDo(addr string, k releaseKey) (read, write, pushed int, err error) {
	read, _, err1 := call(addr, k, http.MethodGet, "/detector", "")
	write, _, err2 := call(addr, k, http.MethodPost, "/detector/"+releaseDetector(), `{"enable":true}`)
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+addr+"/ingest/k8s-audit/prod", strings.NewReader(eventList([]string{benign("jane", 1)})))
	if err != nil {
		return 0, 0, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+access.Key{ID: k.ID, Secret: k.Secret}.Token())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, 0, 0, err
	}
	return read, write, res.StatusCode, errors.Join(err1, err2, res.Body.Close())
}

// Receiver takes findings from a webhook of Vedette, checks who signed them and
// puts each into a folder, once. It acts on nothing: what is in the folder waits
// for a person, or for a program that asks one.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	maxBody = 1 << 20
	maxAge  = 5 * time.Minute
)

func main() {
	if err := run(); err != nil {
		log.Panic(err)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; a proxy in front of it has the certificate")
	keyFile := flag.String("key-file", "", "file with the key that the webhook signs with (signingKeyFile)")
	dir := flag.String("dir", "findings", "folder for the findings")
	flag.Parse()
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	h, err := newReceiver([]byte(strings.TrimSpace(string(key))), *dir, time.Now)
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	server := &http.Server{Addr: *listen, Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// receiver is the handler of the webhook's requests.
type receiver struct {
	key []byte
	dir string
	now func() time.Time
}

func newReceiver(key []byte, dir string, now func() time.Time) (*receiver, error) {
	if len(key) < 16 {
		return nil, errors.New("the key has fewer than 16 characters")
	}
	return &receiver{key, dir, now}, nil
}

var eventID = regexp.MustCompile(`^[0-9a-f-]{36}$`)

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPost {
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	// Nothing of the request is looked at before its signature was.
	if err := r.check(q.Header, body); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	id := q.Header.Get("Vedette-Event-Id")
	if !eventID.MatchString(id) || !json.Valid(body) {
		http.Error(w, "this is no event", http.StatusBadRequest)
		return
	}
	if err := r.keep(id, body); err != nil {
		log.Print(err)
		http.Error(w, "it could not be kept; send it again", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// check wants the signature of the key over the moment and the body, and a
// moment of the last minutes: a request that somebody recorded is good no longer.
func (r *receiver) check(h http.Header, body []byte) error {
	timestamp := h.Get("Vedette-Timestamp")
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	want := "v1=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(h.Get("Vedette-Signature"))) {
		return errors.New("the signature is wrong")
	}
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || math.Abs(r.now().Sub(time.Unix(at, 0)).Seconds()) > maxAge.Seconds() {
		return errors.New("the request is too old; compare the clocks")
	}
	return nil
}

// keep writes an event under its id. The webhook sends at least once: what is
// there stays as it is.
func (r *receiver) keep(id string, body []byte) error {
	tmp, err := os.CreateTemp(r.dir, ".event-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keep event %s: %w", id, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(body)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Link(tmp.Name(), filepath.Join(r.dir, id+".json"))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep event %s: %w", id, err)
	}
	return nil
}

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/anomaly/dga"
)

// TestSameModel: the same names and settings give the same bytes, others do not,
// and even a small training tells the plainest names apart.
func TestSameModel(t *testing.T) {
	s := standard()
	s.families, s.size, s.passes = 200, 20, 2
	first, err := build(s, benign)
	if err != nil {
		t.Fatal(err)
	}
	again, err := build(s, benign)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("trained twice: two models (%v)", err)
	}
	s.seed++
	if other, err := build(s, benign); err != nil || bytes.Equal(first, other) {
		t.Errorf("another seed: the same model (%v)", err)
	}
	m, err := dga.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	if drawn, ordinary := m.Score("qxvkzjwtbhgp"), m.Score("weatherservice"); drawn < ordinary+2*dga.Unit {
		t.Errorf("drawn letters score %d, a word %d", drawn, ordinary)
	}
}

// TestCommittedModel: the model in the tree is what the trainer makes.
func TestCommittedModel(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains for some seconds")
	}
	sum := sha256.Sum256(benign)
	if got := hex.EncodeToString(sum[:]); got != benignSHA256 {
		t.Fatalf("benign.txt.gz has SHA-256 %s", got)
	}
	want, err := os.ReadFile("../../internal/anomaly/dga/model.bin")
	if err != nil {
		t.Fatal(err)
	}
	got, err := build(standard(), benign)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the trainer makes another model; run go run ./hack/dgatrain and look at the figures")
	}
}

// TestStyles: styles differ, and draw what a label may have.
func TestStyles(t *testing.T) {
	names, err := readNames(benign)
	if err != nil {
		t.Fatal(err)
	}
	all := draw(rand.New(rand.NewPCG(1, 1)), newChain(names), 300, 20)
	for _, f := range all {
		for _, n := range f {
			if len(n) < 6 || len(n) > 50 || strings.Trim(n, lowercase+digits) != "" {
				t.Errorf("%q", n)
			}
		}
	}
	if slices.Equal(all[0], all[1]) {
		t.Error("two styles draw the same")
	}
}

func TestSigmoid(t *testing.T) {
	for x := -29.0; x < 29; x += 0.37 {
		if got, want := sigmoid(x), 1/(1+math.Exp(-x)); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v: %v, want %v", x, got, want)
		}
	}
}

func TestRising(t *testing.T) {
	weights := []float64{1, 1, 1, 1, 1}
	if got := rising([]float64{1, 3, 2, 5, 4}, weights, weights); !slices.Equal(got, []float64{1, 2.5, 2.5, 4.5, 4.5}) {
		t.Error(got)
	}
}

// TestNames: a list that is written is read, and lists with another SHA-256 are
// refused by name.
func TestNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "names.gz")
	in := []name{{"example", stable}, {"weather", single}, {"qq123", local}}
	if err := writeNames(path, in); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := readNames(packed); err != nil || !slices.Equal(in, out) {
		t.Errorf("%v, %v", out, err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, lists()[0].file), []byte("example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := collect(dir); err == nil || !strings.Contains(err.Error(), lists()[0].file) || !strings.Contains(err.Error(), lists()[0].source) {
		t.Error(err)
	}
	for _, l := range lists() {
		if len(l.sha256) != 64 || l.licence == "" || l.source == "" {
			t.Errorf("%+v", l)
		}
	}
}

func TestDomainsOf(t *testing.T) {
	text := "server=/a.example.co.uk/114.114.114.114\n\"https://WWW.Shop-1.com/x.html\",me@mail.example.org\nregexp:bad\\.net\n_sip._tls.cpsc.gov -x.com x.cloudfront.net 10.0.0.1"
	got := domainsOf([]byte(text))
	for _, want := range []string{"example.co.uk", "shop-1.com", "example.org", "cpsc.gov", "cloudfront.net"} {
		if !got[want] {
			t.Errorf("no %s", want)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("also %v", got)
	}
}

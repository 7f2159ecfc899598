package dga

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/anomaly/dga/families"
)

// TestScores: scores are whole numbers that are the same on every machine, and
// what ordinary people would say of these names.
func TestScores(t *testing.T) {
	m := Default()
	for _, label := range []string{"cloudfront", "amazonaws", "kubernetes", "wikipedia", "stackoverflow", "deutschebahn", "riverstone-logistics", "gov", ""} {
		if s := m.Score(label); s > -2*Unit {
			t.Errorf("%q scores %d", label, s)
		} else if e := m.Evidence(s); e != m.Evidence(math.MinInt32) {
			t.Errorf("%q: evidence %d", label, e)
		}
	}
	for _, label := range []string{"xkqzjvbwtgpl", "a1b2c3d4e5f6a7b8c9", "swgoaiqugbvdxjtnebiy", "qxv7kd02lmz9"} {
		if s := m.Score(label); s < 3*Unit {
			t.Errorf("%q scores %d", label, s)
		} else if e := m.Evidence(s); e < 3*Unit {
			t.Errorf("%q: evidence %d", label, e)
		}
	}
	if long := strings.Repeat("ab1", 40); m.Score(long) != m.Score(long[:maxLabel]) {
		t.Error("a label that is too long is not cut")
	}
}

// TestEvidence: evidence rises with the score, and no name says much against.
func TestEvidence(t *testing.T) {
	m, last := Default(), int32(math.MinInt32)
	for s := int32(-20 * Unit); s < 20*Unit; s += 100 {
		e := m.Evidence(s)
		if e < last || e < -Unit || e > 4*Unit {
			t.Fatalf("evidence of %d is %d, of less %d", s, e, last)
		}
		last = e
	}
	if low, high := m.Evidence(math.MinInt32), m.Evidence(math.MaxInt32); low >= 0 || high <= 2*Unit {
		t.Errorf("evidence from %d to %d", low, high)
	}
}

// TestParse: a model is refused with a reason where it is not whole or another's.
func TestParse(t *testing.T) {
	if n := len(modelFile); n > 512<<10 {
		t.Errorf("the model has %d bytes", n)
	}
	change := func(at int, to ...byte) []byte {
		b := append([]byte(nil), modelFile...)
		copy(b[at:], to)
		return binary.LittleEndian.AppendUint32(b[:len(b)-4], crc32.ChecksumIEEE(b[:len(b)-4]))
	}
	damaged := append([]byte(nil), modelFile...)
	damaged[100_000] ^= 1
	for want, b := range map[string][]byte{
		"does not begin":         []byte("PK"),
		"does not begin as one":  change(0, 'X'),
		"version 2":              change(4, 2),
		"39 bins":                change(6, 39),
		"7 weights":              change(8, 7, 0, 0, 0),
		"checksum":               damaged,
		"bins of 0":              change(24, 0, 0, 0, 0),
		"does not rise":          change(header, 0xFF, 0x7F),
		"524287 bytes, want":     modelFile[:len(modelFile)-1],
		"run ./hack/dgatrain":    nil,
		"this program reads 1; ": change(4, 9),
	} {
		if _, err := Parse(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := Parse(change(0)); err != nil {
		t.Error(err)
	}
}

func TestJudges(t *testing.T) {
	for label, want := range map[string]bool{"google": false, "xn--mnchen-3ya": false, "example": true, strings.Repeat("a", 64): false, "": false} {
		if Judges(label) != want {
			t.Errorf("%q", label)
		}
	}
}

func TestStyle(t *testing.T) {
	for want, labels := range map[string][]string{
		"hexadecimal digits":            {"26d3ea167e033", "7203d3148a212"},
		"letters and digits":            {"8f6bacmw30xxv6sc", "486txu3yjly0xcmz"},
		"consonants and vowels in turn": {"gatyfus", "lyvyxor", "vojyqem"},
		"letters as drawn at random":    {"swgoaiqugbvdxjtnebiy", "dduoduoguesfsonmxhpq"},
		"words or syllables":            {"directmethod", "captainmeasure", "husbandtoward"},
		"parts with hyphens":            {"zxc-qwr-tyt"},
		"no names":                      nil,
	} {
		if got := Style(labels); got != want {
			t.Errorf("%q look like %q, want %q", labels, got, want)
		}
	}
}

func TestScoreAllocates(t *testing.T) {
	m := Default()
	if n := testing.AllocsPerRun(100, func() { m.Evidence(m.Score("swgoaiqugbvdxjtnebiy")) }); n != 0 {
		t.Errorf("%v allocations a name", n)
	}
}

func BenchmarkScore(b *testing.B) {
	m := Default()
	labels := families.All()[18].Draw(256)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Evidence(m.Score(labels[i%len(labels)]))
	}
}

// FuzzScore: any label has a score, the same again.
func FuzzScore(f *testing.F) {
	f.Add("example")
	f.Add("\xff\x00-")
	m := Default()
	f.Fuzz(func(t *testing.T, label string) {
		if s := m.Score(label); s != m.Score(label) || m.Evidence(s) > 4*Unit {
			t.Errorf("%q", label)
		}
		Style([]string{label})
		if slots := Grams(label); slices.Max(append(slots, 0)) >= Weights || len(slots) > maxGrams {
			t.Errorf("slots %d", slots)
		}
	})
}

// FuzzParse: a model that can be read has scores.
func FuzzParse(f *testing.F) {
	f.Add(modelFile[:64])
	f.Fuzz(func(t *testing.T, head []byte) {
		b := append([]byte(nil), modelFile...)
		copy(b, head)
		b = binary.LittleEndian.AppendUint32(b[:len(b)-4], crc32.ChecksumIEEE(b[:len(b)-4]))
		if m, err := Parse(b); err == nil {
			m.Evidence(m.Score("example"))
		}
	})
}

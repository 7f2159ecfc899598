package format

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// fuzz feeds any bytes to one parser: it never panics, what comes out is in
// normal form and within the limits, and a strict list with a fault fails.
func fuzz(f *testing.F, formats ...Format) {
	for _, s := range samples(f) {
		f.Add([]byte(s.in), s.options.Strict)
	}
	f.Fuzz(func(t *testing.T, in []byte, strict bool) {
		for _, format := range formats {
			n := 0
			st, err := Parse(strings.NewReader(string(in)), Options{Format: format, Strict: strict, MaxBytes: 1 << 20, MaxEntries: 1000, Observables: true}, func(e Entry) error {
				n++
				checkEntry(t, e)
				return nil
			})
			if n != st.Entries || n > 1000 || strict && st.Faults > 0 && err == nil || err == nil && n == 0 {
				t.Errorf("%s: %d entries, %+v, %v", format, n, st, err)
			}
			var fault *Fault
			if errors.As(err, &fault) && (fault.Reason == "" || fault.Line < 0) {
				t.Errorf("%s: a fault that says nothing: %+v", format, fault)
			}
		}
	})
}

func checkEntry(t *testing.T, e Entry) {
	again, err := classify(e.Value)
	if err != nil || again.text != e.Value || again.kind != e.Kind {
		t.Errorf("%q of kind %s is no normal form: %+v %v", e.Value, e.Kind, again, err)
	}
	if e.Kind == Address {
		p, err := netip.ParsePrefix(e.Value)
		if a, aerr := netip.ParseAddr(e.Value); aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Masked() != p || !Public(p) {
			t.Errorf("%q: %v", e.Value, err)
		}
	}
	if e.Line < 1 || e.Confidence < -1 || e.Confidence > 100 || len(e.Threat) > maxWord || len(e.Tags) > maxTags || strings.ContainsAny(e.Threat+strings.Join(e.Tags, ""), "\n\r\x1b\x00") {
		t.Errorf("%+v", e)
	}
}

func FuzzDetected(f *testing.F)   { fuzz(f, "") }
func FuzzTXT(f *testing.F)        { fuzz(f, TXT, List) }
func FuzzTables(f *testing.F)     { fuzz(f, CSV, OTXCSV, ProofPoint, FireEye) }
func FuzzAlienVault(f *testing.F) { fuzz(f, AlienVault) }
func FuzzJSON(f *testing.F)       { fuzz(f, JSON) }
func FuzzSTIX1(f *testing.F)      { fuzz(f, STIX) }
func FuzzSTIX2(f *testing.F)      { fuzz(f, STIX2) }
func FuzzMISP(f *testing.F)       { fuzz(f, MISP) }
func FuzzTor(f *testing.F)        { fuzz(f, TorExits, TorOnionoo) }

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"5cf66e53-b5f8-43e7-be9a-49880a3b4631": {"timestamp": "1559654000"}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		events, err := Manifest(strings.NewReader(string(in)), 1<<20)
		for _, e := range events {
			if err != nil || len(e.UUID) != 36 || strings.ContainsAny(e.UUID, "/.\\") {
				t.Errorf("%+v %v", e, err)
			}
		}
	})
}

// FuzzPattern: claims or an error, never both.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{
		"[ipv4-addr:value = '192.0.2.1']", "[a:b = 'c' AND d:e IN ('f', 'g')] OR [h:i LIKE '%.j'] WITHIN 5 SECONDS",
		"([a:b.c[*].'d e' NOT = 't'] FOLLOWEDBY [f:g MATCHES 'h']) REPEATS 5 TIMES", "[EXISTS a:b] START t'2026' STOP t'2027'", `[a:b = 'it\'s']`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		claims, err := parsePattern(s)
		if err != nil && claims != nil {
			t.Errorf("%q: %v and %v", s, claims, err)
		}
		for _, c := range claims {
			c.value()
		}
	})
}

package format

import (
	"fmt"
	"strings"
	"testing"
)

const (
	someMD5    = "d41d8cd98f00b204e9800998ecf8427e"
	someSHA1   = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	someSHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// read is what a list comes to, each entry as its kind and value.
func read(t *testing.T, text string, o Options) string {
	t.Helper()
	var out []string
	st, err := Parse(strings.NewReader(text), o, func(e Entry) error {
		out = append(out, e.Kind.String()+" "+e.Value)
		return nil
	})
	if err != nil {
		out = append(out, err.Error())
	}
	for reason, n := range st.Skipped {
		out = append(out, fmt.Sprintf("%d %s", n, reason))
	}
	return strings.Join(out, ", ")
}

// TestHashes: SHA-1 and MD5 are entries for who wants them, and of a file of
// which there is the SHA-256 that counts alone.
func TestHashes(t *testing.T) {
	for name, c := range map[string]struct{ text, with, without string }{
		"a list": {strings.ToUpper(someMD5) + "\n" + someSHA1 + "\n" + someSHA256 + "\n", "md5 " + someMD5 + ", sha1 " + someSHA1 + ", sha256 " + someSHA256, ""},
		"a table": {
			"first_seen,sha256_hash,md5_hash,sha1_hash\n2026-01-02," + someSHA256 + "," + someMD5 + "," + someSHA1 + "\n2026-01-02,," + someMD5 + ",\n",
			"sha256 " + someSHA256 + ", md5 " + someMD5, "sha256 " + someSHA256 + ", 1 MD5 hash",
		},
		"a MISP event": {
			`{"Event":{"info":"x","Attribute":[{"type":"md5","to_ids":true,"value":"` + someMD5 + `"},{"type":"sha256","to_ids":true,"value":"` + someSHA256 + `"}]}}`,
			"md5 " + someMD5 + ", sha256 " + someSHA256, "sha256 " + someSHA256 + ", 1 attribute of type md5",
		},
		"a STIX 2 pattern": {
			`{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","id":"indicator--1","pattern_type":"stix","pattern":"[file:hashes.'SHA-1' = '` + someSHA1 + `']"}]}`,
			"sha1 " + someSHA1, "the list has no entries that can be used: 1 records are of the kind: SHA-1 hash, 1 SHA-1 hash",
		},
		"STIX 2 files": {
			`{"type":"bundle","id":"bundle--1","objects":[{"type":"file","hashes":{"MD5":"` + someMD5 + `"}},{"type":"file","hashes":{"MD5":"` + someMD5 + `","SHA-256":"` + someSHA256 + `"}}]}`,
			"md5 " + someMD5 + ", sha256 " + someSHA256, "sha256 " + someSHA256 + ", 1 file without SHA-256",
		},
	} {
		if got := read(t, c.text, Options{Hashes: true, Observables: true}); got != c.with {
			t.Errorf("%s: %s, want %s", name, got, c.with)
		}
		got := read(t, c.text, Options{Observables: true})
		if c.without == "" { // the order of what is skipped is any
			c.without, got = "sha256 "+someSHA256, strings.Split(got, ",")[0]
		}
		if got != c.without {
			t.Errorf("%s: %s, want %s", name, got, c.without)
		}
	}
}

// TestWrittenByHand: notes behind entries, and tables that begin further down.
func TestWrittenByHand(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1\n192.0.2.2, a note\n\"*.evil.example\",x\n192.0.2.3 # another\n":  "address 192.0.2.1, address 192.0.2.2, domain *.evil.example, address 192.0.2.3",
		"domain,why\nevil.example # a note,x\nfine.example,\"# no note\"\n":          "domain evil.example, domain fine.example",
		"https://evil.example/a,b\nhttps://evil.example/a?b=1,2 # c\n192.0.2.1,,,\n": "domain evil.example, domain evil.example, address 192.0.2.1",
	} {
		if got := read(t, text, Options{}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestNormal(t *testing.T) {
	for raw, want := range map[string]string{
		"hxxps[:]//WWW.Evil[.]Example:8443/x?y#z": "domain www.evil.example", "evil(.)example": "domain evil.example", "a{.}b[dot]example(dot)org": "domain a.b.example.org",
		"203.0.113[.]7:80": "address 203.0.113.7", "[2001:db8::1]:443": "address 2001:db8::1", "[2001:db8::1]": "address 2001:db8::1", "::ffff:203.0.113.7": "address 203.0.113.7",
		"203.0.113.0/24": "address 203.0.113.0/24", "evil.example:80": "domain evil.example", "evil.example/path": "domain evil.example", "http://[2001:db8::1]:80/": "address 2001:db8::1",
		"hxxp[://]user@evil.example": "domain evil.example", someMD5: "md5 " + someMD5, strings.ToUpper(someSHA1): "sha1 " + someSHA1, " " + someSHA256 + "\n": "sha256 " + someSHA256,
		"bücher.example.": "domain xn--bcher-kva.example",
		"localhost":       "no dot", "a@b.example": "e-mail address", "": "no value", "[": "no dot", "[]": "no dot", "http://": "no dot", "1.2.3.4/33": "not a prefix",
	} {
		kind, value, err := Normal(raw)
		got := kind.String() + " " + value
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	}
}

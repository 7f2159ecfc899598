package format

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func discard(Entry) error { return nil }

func packedWith(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zipped is an archive of files, each a name and its content; those with a
// single line are not compressed.
func zipped(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		method := zip.Deflate
		if strings.Count(files[i+1], "\n") < 2 {
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: method})
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wideText(text string, order binary.ByteOrder) string {
	var b bytes.Buffer
	for _, u := range utf16.Encode([]rune("\uFEFF" + text)) {
		var two [2]byte
		order.PutUint16(two[:], u)
		b.Write(two[:])
	}
	return b.String()
}

// TestFaults: what is wrong with a list is told in words, with its line.
func TestFaults(t *testing.T) {
	strict := Options{Strict: true}
	as := func(f Format) Options { return Options{Strict: true, Format: f} }
	bundle := func(pattern string) string {
		return `{"type":"bundle","id":"bundle--1","objects":[` + "\n" + `{"type":"indicator","pattern":"` + pattern + `"}]}`
	}
	for name, tc := range map[string]struct {
		in   string
		o    Options
		want string
		is   error
	}{
		"web page":            {"<!DOCTYPE html>\n<html><body>404</body></html>", strict, "web page", ErrHTML},
		"web page as TXT":     {"  <html lang=en>", as(TXT), "web page", ErrHTML},
		"XHTML":               {"<?xml version=\"1.0\"?>\n<html xmlns=\"x\"></html>", strict, "web page", ErrHTML},
		"empty":               {"", strict, "no entries", ErrEmpty},
		"comments alone":      {"# nothing\n\n", strict, "no entries", ErrEmpty},
		"skipped alone":       {"d41d8cd98f00b204e9800998ecf8427e\n", strict, "1 records are of the kind: MD5 hash", ErrEmpty},
		"everything":          {"192.0.2.1\n0.0.0.0/0\n", strict, "line 2: 0.0.0.0/0 is too wide", nil},
		"all of IPv6":         {"::/0\n", strict, "too wide", nil},
		"wide":                {"192.0.0.0/7\n", strict, "the widest allowed is /8", nil},
		"wide range":          {"1.0.0.0-126.0.0.0\n", as(List), "too wide", nil},
		"private":             {"192.0.2.1\n10.1.2.3\n", strict, "line 2: 10.1.2.3 is not public", nil},
		"covers private":      {"172.0.0.0/8\n", strict, "not public", nil},
		"loopback":            {"::1\n", strict, "not public", nil},
		"bad length":          {"192.0.2.0/33\n", strict, "is not a prefix", nil},
		"leading zeros":       {"192.000.002.001\n", strict, "ends in a number", nil},
		"too few numbers":     {"192.0.2\n", strict, "ends in a number", nil},
		"zone":                {"fe80::1%eth0\n", strict, "line 1", nil},
		"single label":        {"com\n", strict, "no dot", nil},
		"blank in name":       {"bad name.example\n", as(TXT), "one entry a line", nil},
		"star inside":         {"a.*.example.com\n", strict, "does not belong", nil},
		"long label":          {strings.Repeat("a", 64) + ".example\n", strict, "63 bytes", nil},
		"long name":           {strings.Repeat("abcdefgh.", 32) + "example\n", strict, "253 bytes", nil},
		"bad IDN":             {"xn--\u200d.example\n", strict, "no domain that can be asked for", nil},
		"long line":           {"192.0.2.1\n" + strings.Repeat("x", 70<<10) + "\n", strict, "line 2: longer than 65536 bytes", nil},
		"NUL":                 {"192.0.2.1\n192.0.2.2\n192.0\x00.2.3\n", strict, "line 3: a NUL byte", nil},
		"UTF-16, no mark":     {wideText("192.0.2.1\n", binary.LittleEndian)[2:], strict, "UTF-16 without a byte order mark", ErrContent},
		"UTF-16, cut":         {wideText("192.0.2.1\n", binary.BigEndian) + "1", strict, "middle of a character", nil},
		"zip, no archive":     {"PK\x03\x04xxxx", strict, "cut short, or no zip archive", nil},
		"zip, cut":            {zipped(t, "a.txt", strings.Repeat("192.0.2.1\n", 1000))[:90], strict, "cut short", nil},
		"zip, damaged":        {strings.Replace(zipped(t, "a.txt", "192.0.2.1\n"), "192.", "193.", 1), strict, "the zip archive is damaged", nil},
		"zip, several":        {zipped(t, "a.txt", "192.0.2.1\n", "b.txt", "192.0.2.2\n"), strict, "several files", ErrContent},
		"zip, a great many":   {zipped(t, slices.Repeat([]string{"a/", ""}, 101)...), strict, "several files", ErrContent},
		"zip, none":           {zipped(t, "a/", ""), strict, "without a file", ErrContent},
		"zip, bomb":           {zipped(t, "a.txt", strings.Repeat("192.0.2.1\n", 1<<20)), Options{MaxBytes: 1 << 20, MaxEntries: 1 << 30}, "more than 1048576 bytes, unpacked", ErrTooBig},
		"zip, too big":        {zipped(t, "a.txt", strings.Repeat("192.0.2.1\n", 10)), Options{MaxBytes: 100}, "more than 100 bytes", ErrTooBig},
		"zstd":                {"\x28\xb5\x2f\xfdxxxx", strict, "packed with zstd; only gzip and zip", ErrContent},
		"gzip, cut":           {packedWith(t, strings.Repeat("192.0.2.1\n", 1000))[:40], strict, "cut short", nil},
		"gzip, wrong":         {"\x1f\x8bnonsense", strict, "unpack", nil},
		"bomb":                {packedWith(t, strings.Repeat("192.0.2.1\n", 1<<20)), Options{MaxBytes: 1 << 20, MaxEntries: 1 << 30}, "more than 1048576 bytes, unpacked", ErrTooBig},
		"too big":             {strings.Repeat("192.0.2.1\n", 200), Options{MaxBytes: 1000}, "more than 1000 bytes", ErrTooBig},
		"too many":            {strings.Repeat("192.0.2.1\n", 11), Options{MaxEntries: 10}, "line 11: more than 10 entries", nil},
		"XML as TXT":          {"<stix:STIX_Package/>", as(TXT), "TXT was said, this looks like STIX", ErrContent},
		"text as XML":         {"192.0.2.1\n", as(STIX), "STIX was said, this looks like LIST", ErrContent},
		"JSON as CSV":         {`{"a":1}`, as(CSV), "CSV was said, this looks like JSON", ErrContent},
		"OTX as TXT":          {"Indicator type, Indicator, Description\n", as(TXT), "this looks like OTX_CSV", ErrContent},
		"text as ALIEN_VAULT": {"192.0.2.1\n", as(AlienVault), "line 1: 1 fields between", nil},
		"CSV as FIRE_EYE":     {"ip,comment\n192.0.2.1,x\n", as(FireEye), "no column cidr", nil},
		"no such format":      {"192.0.2.1\n", as("GIF"), "there is no format", nil},
		"open quote":          {"ip,comment\n192.0.2.1,\"x\n" + strings.Repeat("y\n", 50), strict, "line 2: a quote without its end", nil},
		"no value":            {"ip,comment\n,x\n", strict, "line 2: nothing in a column", nil},
		"JSON, cut":           {"[{\"ip\":\"192.0.2.1\"},\n{\"ip\":\"192.0", strict, "line 2: the JSON ends here", nil},
		"JSON, broken":        {"[{\"ip\":\"192.0.2.1\"},\n{\"ip\" \"192.0.2.2\"}]", strict, "line 2: ", nil},
		"JSON, deep":          {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strict, "too deep", nil},
		"JSON, deep record":   {`[{"ip":"192.0.2.1","x":` + strings.Repeat("[", 1000), strict, "too deep", nil},
		"DROP, cut":           {"{\"cidr\":\"192.0.2.0/24\"}\n{\"type\":\"metadata\",\"records\":2}\n", strict, "cut short", nil},
		"STIX 2, cut":         {`{"type":"bundle","id":"bundle--1","objects":[{"type":"indi`, strict, "cut short", nil},
		"STIX 2, shape":       {`{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","pattern":7}]}`, strict, "pattern is a number", nil},
		"pattern, cut":        {bundle("[ipv4-addr:value = '192.0.2.1'"), strict, `line 2: pattern: "]" expected`, nil},
		"pattern, string":     {bundle("[ipv4-addr:value = '192.0.2.1]"), strict, "a string without its end", nil},
		"pattern, operator":   {bundle("[ipv4-addr:value ~ '192.0.2.1']"), strict, "is no comparison", nil},
		"pattern, rest":       {bundle("[ipv4-addr:value = '192.0.2.1'] ]"), strict, "left over", nil},
		"pattern, deep":       {bundle(strings.Repeat("(", 100)), strict, "too many brackets", nil},
		"pattern, value":      {bundle("[ipv4-addr:value = '0.0.0.0/0']"), strict, "line 2: 0.0.0.0/0 is too wide", nil},
		"STIX 1, broken":      {"<stix:STIX_Package xmlns:stix=\"x\">\n<a b=\"InclusiveBetween>\n</stix:STIX_Package>", strict, "line 3: XML", nil},
		"STIX 1, other":       {"<?xml version=\"1.0\"?>\n<rss></rss>", strict, "the first element is rss", nil},
		"STIX 1, cut":         {"<stix:STIX_Package xmlns:stix=\"x\">\n<a>", strict, "unexpected EOF", nil},
		"STIX 1, deep":        {"<STIX_Package>" + strings.Repeat("<a>", 1000), strict, "too deep", nil},
		"STIX 1, entities":    {"<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>\n<STIX_Package>&lol2;</STIX_Package>", strict, "line 2: a document type", nil},
		"STIX 1, entity":      {"<STIX_Package>&xxe;</STIX_Package>", strict, "invalid character entity", nil},
		"STIX 1, range":       {"<STIX_Package><Address_Value condition=\"InclusiveBetween\">192.0.2.9##comma##192.0.2.1</Address_Value></STIX_Package>", strict, "end is before its start", nil},
		"STIX 1, charset":     {"<?xml version=\"1.0\" encoding=\"EBCDIC\"?><STIX_Package/>", strict, "EBCDIC", nil},
		"MISP, shape":         {`{"Event":{"Attribute":[{"type":"ip-dst","to_ids":"yes","value":"192.0.2.1"}]}}`, strict, "to_ids is a string", nil},
		"Tor":                 {"ExitNode X\nExitAddress\n", strict, "line 2: ExitAddress without", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(tc.in), tc.o, discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%v is not %v", err, tc.is)
			}
		})
	}
}

// TestEncodings: marks and UTF-16 change nothing.
func TestEncodings(t *testing.T) {
	const text = "192.0.2.1\nbücher.example\n"
	for name, in := range map[string]string{
		"plain": text, "mark": "\uFEFF" + text, "little": wideText(text, binary.LittleEndian), "big": wideText(text, binary.BigEndian),
		"gzip": packedWith(t, text), "zip": zipped(t, "folder/", "", "folder/list.txt", text), "zip of UTF-16": zipped(t, "x", wideText(text, binary.BigEndian)), "gzip of UTF-16": packedWith(t, wideText(text, binary.LittleEndian)), "CRLF": strings.ReplaceAll(text, "\n", "\r\n"),
	} {
		if got, want := outcome(in, Options{Strict: true}), outcome(text, Options{Strict: true}); got != want || !strings.Contains(got, "xn--bcher-kva.example") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestTolerance: a feed may have some faults, not many.
func TestTolerance(t *testing.T) {
	some := strings.Repeat("192.0.2.1\n", 99) + "no entry\n"
	st, err := Parse(strings.NewReader(some), Options{}, discard)
	if err != nil || st.Entries != 99 || st.Faults != 1 || len(st.Sample) != 1 || st.Sample[0].Line != 100 {
		t.Errorf("%+v %v", st, err)
	}
	many := strings.Repeat("no entry\n", 12) + strings.Repeat("192.0.2.1\n", 88)
	if st, err = Parse(strings.NewReader(many), Options{}, discard); !errors.Is(err, ErrFaults) || len(st.Sample) != maxSample || !strings.Contains(err.Error(), "12 of 100") {
		t.Errorf("%+v %v", st, err)
	}
	if _, err = Parse(strings.NewReader(some), Options{Strict: true}, discard); err == nil {
		t.Error("a strict list with a fault was taken")
	}
	if st, err = Parse(strings.NewReader("# none today\n"), Options{MayBeEmpty: true}, discard); err != nil || st.Entries != 0 {
		t.Errorf("%+v %v", st, err)
	}
}

// TestPrivateIfAllowed: lists of trusted addresses have private ones.
func TestPrivateIfAllowed(t *testing.T) {
	if got := outcome("10.0.0.0/8\n", Options{Strict: true, Private: true}); !strings.HasPrefix(got, "1 address 10.0.0.0/8\n") {
		t.Error(got)
	}
}

// TestRevoked: who follows a collection hears of what was taken back.
func TestRevoked(t *testing.T) {
	var got []Entry
	_, err := Parse(strings.NewReader(`{"objects":[{"type":"indicator","id":"indicator--1","revoked":true,"pattern":"[ipv4-addr:value = '192.0.2.1']"}]}`),
		Options{Format: STIX2, Revoked: true}, func(e Entry) error { got = append(got, e); return nil })
	if err != nil || len(got) != 1 || !got[0].Revoked || got[0].Value != "192.0.2.1" {
		t.Errorf("%+v %v", got, err)
	}
}

// TestSkipReasonsAreBounded: a list cannot fill memory with reasons of its own.
func TestSkipReasonsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"objects":[`)
	for i := range 1000 {
		b.WriteString(`{"type":"x-` + strings.Repeat("y", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + `"},`)
	}
	b.WriteString(`{"type":"x"}]}`)
	st, _ := Parse(strings.NewReader(b.String()), Options{Format: STIX2}, discard)
	if len(st.Skipped) != maxReasons+1 || st.Skipped["other"] == 0 {
		t.Errorf("%d reasons", len(st.Skipped))
	}
}

// TestYieldEnds: an error of the caller is the answer.
func TestYieldEnds(t *testing.T) {
	stop := errors.New("enough")
	for _, s := range samples(t) {
		if _, err := Parse(strings.NewReader(s.in), s.options, func(Entry) error { return stop }); err != stop {
			t.Errorf("%s: %v", s.path, err)
		}
	}
}

func TestManifest(t *testing.T) {
	events, err := Manifest(strings.NewReader(`{
 "5cf66e53-b5f8-43e7-be9a-49880a3b4631": {"info": "a", "timestamp": "1559654000", "Orgc": {"name": "x"}},
 "5cf66e53-b5f8-43e7-be9a-49880a3b4632": {"info": "b", "timestamp": 1559655000}}`), 0)
	if err != nil || len(events) != 2 || events[0].UUID != "5cf66e53-b5f8-43e7-be9a-49880a3b4632" || events[1].Changed.Unix() != 1559654000 {
		t.Errorf("%v %v", events, err)
	}
	for _, bad := range []string{`{"../../etc/passwd": {"timestamp": "1"}}`, `[]`, `{"5cf66e53-b5f8-43e7-be9a-49880a3b4631": 7}`, "", `{"5cf66e53-b5f8-43e7-be9a-49880a3b4631": {`} {
		if events, err := Manifest(strings.NewReader(bad), 0); err == nil {
			t.Errorf("%q: %v", bad, events)
		}
	}
}

func TestSpan(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		want     string
	}{
		{"192.0.2.0", "192.0.2.255", "192.0.2.0/24"},
		{"192.0.2.1", "192.0.2.6", "192.0.2.1 192.0.2.2/31 192.0.2.4/31 192.0.2.6"},
		{"255.255.255.254", "255.255.255.255", "255.255.255.254/31"},
		{"2001:db8::", "2001:db8::ffff", "2001:db8::/112"},
		{"0.0.0.1", "255.255.255.254", "62"},
	} {
		vs, err := spanOf(tc.from, tc.to)
		var got []string
		for _, v := range vs {
			got = append(got, v.text)
		}
		if err != nil || strings.Join(got, " ") != tc.want && len(got) != 62 {
			t.Errorf("%s-%s: %v %v", tc.from, tc.to, got, err)
		}
	}
	if _, err := spanOf("2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe"); err == nil {
		t.Error("a range of very many prefixes was taken")
	}
}

package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kind is what an entry names.
type Kind uint8

// The kinds. What else lists hold (e-mail addresses, …) is skipped and counted.
const (
	Address Kind = iota + 1 // an IP address, or a prefix
	Domain                  // a name; "*." before it stands for everything below
	SHA256                  // of a file
	SHA1                    // likewise; only with Options.Hashes
	MD5                     // likewise
)

func (k Kind) String() string {
	switch k {
	case Address:
		return "address"
	case Domain:
		return "domain"
	case SHA256:
		return "sha256"
	case SHA1:
		return "sha1"
	case MD5:
		return "md5"
	}
	return "unknown"
}

// Entry is one entry of a list.
type Entry struct {
	Kind Kind `json:"k"`
	// Value is in normal form: "192.0.2.1", "192.0.2.0/24", "xn--bcher-kva.example",
	// "*.example.org", or a hash in hex and lower case.
	Value string `json:"v"`
	// Line is where it stands: of the record's start in CSV, JSON and XML.
	Line int `json:"-"`
	// Threat is the list's own word for what it is: a family, or else a type.
	Threat     string    `json:"t,omitempty"`
	Tags       []string  `json:"g,omitempty"`
	Confidence int       `json:"c"` // 0 to 100, or -1 if the list does not say
	First      time.Time `json:"f,omitzero"`
	Last       time.Time `json:"l,omitzero"`
	Expires    time.Time `json:"x,omitzero"`
	// Trusted says that the list calls it benign.
	Trusted bool `json:"ok,omitempty"`
	// FromURL says that the list names a URL, of which this is the host: that
	// says less of the host, which others may share.
	FromURL bool `json:"u,omitempty"`
	// Revoked takes an earlier entry back; only with Options.Revoked.
	Revoked bool `json:"-"`
}

// Format is how a list is written.
type Format string

// The formats. The first six are GuardDuty's.
const (
	TXT         Format = "TXT"         // one entry a line
	STIX        Format = "STIX"        // 1.x, XML
	OTXCSV      Format = "OTX_CSV"     // Open Threat Exchange
	AlienVault  Format = "ALIEN_VAULT" // reputation feed
	ProofPoint  Format = "PROOF_POINT" // ET Intelligence CSV
	FireEye     Format = "FIRE_EYE"    // iSIGHT CSV
	List        Format = "LIST"        // TXT, and hosts files, URLs, ranges, notes behind entries
	CSV         Format = "CSV"         // with the names of columns in a first line or a comment
	JSON        Format = "JSON"        // records in an array, under keys, or a line each
	STIX2       Format = "STIX2"       // 2.x bundles, TAXII envelopes
	MISP        Format = "MISP"        // events
	TorExits    Format = "TOR_EXITS"   // exit-addresses
	TorOnionoo  Format = "TOR_ONIONOO" // details or summary
	unknownType Format = ""
)

// Formats are all of them.
func Formats() []Format {
	return []Format{TXT, STIX, OTXCSV, AlienVault, ProofPoint, FireEye, List, CSV, JSON, STIX2, MISP, TorExits, TorOnionoo}
}

// Limits that hold if the options say nothing. MaxBytes is GuardDuty's limit of
// a list.
const (
	DefaultMaxBytes   = 35 << 20
	DefaultMaxEntries = 250_000
)

// Options say how to read a list.
type Options struct {
	Format Format // empty: by content
	// Strict fails at the first fault, as a list that somebody wrote for us
	// should; otherwise faults are counted, and fail the list only if they are
	// more than the share MaxFaults (0.1 if it is 0) of its records.
	Strict    bool
	MaxFaults float64
	// MaxBytes is the largest size, unpacked.
	MaxBytes   int64
	MaxEntries int
	// MinBits4 and MinBits6 are the widest prefixes allowed: 8 and 16, if 0.
	MinBits4, MinBits6 int
	// Private allows addresses that are not public, as lists of trusted ones
	// have them.
	Private bool
	// MayBeEmpty allows a list without entries.
	MayBeEmpty bool
	// Observables takes addresses and the like in STIX 2 bundles as entries
	// even where no indicator says that they are bad.
	Observables bool
	// Hashes takes SHA-1 and MD5 of files, too, where there is no SHA-256.
	Hashes bool
	// Revoked hands out revoked STIX 2 indicators, too, marked.
	Revoked bool
	// Columns name the columns of a CSV that does not name them itself.
	Columns []string
}

// Fault is what is wrong with a list, and where.
type Fault struct {
	Line   int    `json:"line,omitempty"` // 0: the list as a whole
	Reason string `json:"reason"`
}

func (f *Fault) Error() string {
	if f.Line == 0 {
		return f.Reason
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.Reason)
}

// Sentinels of lists that are no use as a whole.
var (
	ErrEmpty   = errors.New("the list has no entries")
	ErrTooBig  = errors.New("the list is too big")
	ErrHTML    = errors.New("this is a web page, not a list; see whether the address is right and answers without a login")
	ErrFaults  = errors.New("too much of the list cannot be read")
	ErrContent = errors.New("the content is not of this format")
)

// Stats count what Parse met.
type Stats struct {
	Format  Format
	Entries int
	Faults  int
	Sample  []Fault // the first faults
	// Skipped counts, per reason, what is well-formed but of no use here.
	Skipped map[string]int
}

const (
	maxSample  = 10
	maxReasons = 40
	headSize   = 4 << 10
)

// Parse reads a list and hands its entries to yield in order, possibly some of
// them twice. An error of yield ends it and is returned as it is. Others are a
// [Fault], or one of the sentinels, perhaps with more around it.
func Parse(r io.Reader, o Options, yield func(Entry) error) (Stats, error) {
	s := newSink(o, yield)
	err := s.parse(r)
	return s.stats, err
}

func (s *sink) parse(r io.Reader) error {
	in, err := open(r, s.o.MaxBytes)
	if err != nil {
		return err
	}
	head, err := in.Peek(headSize)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return err
	}
	found := Detect(head)
	if found == unknownType && looksHTML(head) {
		return ErrHTML
	}
	if s.o.Format == unknownType {
		s.o.Format = found
	}
	s.stats.Format = s.o.Format
	if err := contradiction(s.o.Format, found, head); err != nil {
		return err
	}
	if err := s.dispatch(in); err != nil {
		return err
	}
	return s.verdict()
}

func (s *sink) dispatch(in *bufio.Reader) error {
	switch s.o.Format {
	case TXT, List:
		return s.list(in)
	case AlienVault:
		return s.alienVault(in)
	case OTXCSV, ProofPoint, FireEye, CSV:
		return s.table(in)
	case JSON:
		return s.json(in)
	case STIX:
		return s.stix1(in)
	case STIX2:
		return s.stix2(in)
	case MISP:
		return s.misp(in)
	case TorExits:
		return s.torExits(in)
	case TorOnionoo:
		return s.onionoo(in)
	case unknownType:
		if s.o.MayBeEmpty {
			return nil
		}
		return ErrEmpty
	}
	return fmt.Errorf("there is no format %q; use one of %v", s.o.Format, Formats())
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// printer prints results in one of the formats of the contract.
type printer struct {
	format string
	w      io.Writer
	colour bool
}

func printerFor(format string, s streams) (*printer, error) {
	switch format {
	case "table", "json", "jsonl", "yaml":
		return &printer{format: format, w: s.out, colour: isTerminal(s.out) && os.Getenv("NO_COLOR") == ""}, nil
	}
	return nil, fmt.Errorf("-o %q is not known; use table, json, jsonl or yaml", format)
}

// isTerminal reports whether w is a character device, as colours and progress need.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && st.Mode()&os.ModeDevice != 0 && f.Name() != os.DevNull
}

// value prints one document, in any format but a table.
func (p *printer) value(v any) error {
	switch p.format {
	case "jsonl":
		return jsonTo(p.w, v, "")
	case "yaml":
		return yamlTo(p.w, v)
	}
	return jsonTo(p.w, v, "  ")
}

// each prints a list, in any format but a table: in jsonl one document a line.
func each[T any](p *printer, all []T) error {
	if p.format != "jsonl" {
		return p.value(all)
	}
	for _, v := range all {
		if err := p.value(v); err != nil {
			return err
		}
	}
	return nil
}

func jsonTo(w io.Writer, v any, indent string) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(v)
}

// yamlTo goes by way of JSON, so that both formats have the same keys.
func yamlTo(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var plain yaml.Node
	if err := yaml.Unmarshal(b, &plain); err != nil {
		return err
	}
	blockStyle(&plain)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&plain); err != nil {
		return err
	}
	return enc.Close()
}

// blockStyle turns the flow style that JSON brings into ordinary YAML.
func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		blockStyle(c)
	}
}

func (p *printer) findings(fs []*finding.Finding) error {
	if p.format == "table" {
		return p.findingsTable(fs)
	}
	if fs == nil {
		fs = []*finding.Finding{}
	}
	return each(p, fs)
}

func (p *printer) findingsTable(fs []*finding.Finding) error {
	if len(fs) == 0 {
		_, err := fmt.Fprintln(p.w, "No findings.")
		return err
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SEVERITY\tTYPE\tCOUNT\tFIRST SEEN\tWHAT HAPPENED")
	for _, f := range fs {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\n", p.severity(f.Severity), f.Type, f.Service.Count,
			firstSeen(f.Service.EventFirstSeen), printable(f.Description))
	}
	return tw.Flush()
}

// firstSeen is a time for people: without the milliseconds where the record had none.
func firstSeen(at string) string {
	if whole, ok := strings.CutSuffix(at, ".000Z"); ok {
		at = whole + "Z"
	}
	return strings.Replace(at, "T", " ", 1)
}

// severity is the severity's word, coloured on a terminal. All words are
// padded alike so that the codes do not upset the columns.
func (p *printer) severity(v float64) string {
	word := finding.SeverityLabel(v)
	if !p.colour {
		return word
	}
	code := map[string]string{"Critical": "35;1", "High": "31;1", "Medium": "33", "Low": "36"}[word]
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}

// printable keeps attacker-made strings from driving the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// cleanLines is text of several lines that others wrote, fit for a terminal.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// scanSummary is the accounting line: every record ends in exactly one of
// evaluated, duplicate, malformed and dropped.
func scanSummary(w io.Writer, r *app.ScanResult, took time.Duration) error {
	l := r.Ledger
	return jsonTo(w, struct {
		Records   int64                  `json:"records"`
		Evaluated int64                  `json:"evaluated"`
		Duplicate int64                  `json:"duplicate"`
		Malformed int64                  `json:"malformed"`
		Truncated int64                  `json:"truncated"`
		Late      int64                  `json:"late"`
		Dropped   int64                  `json:"dropped"`
		Reasons   map[event.Reason]int64 `json:"reasons,omitempty"`
		Bytes     int64                  `json:"bytes"`
		Seconds   float64                `json:"seconds"`
		Findings  int                    `json:"findings"`
		Warmup    *learnedRecords        `json:"warmup,omitempty"`
	}{
		l.Records(), l.Outcomes[event.Evaluated], l.Outcomes[event.Duplicate], l.Outcomes[event.Malformed],
		l.Outcomes[event.MarkTruncated], l.Outcomes[event.MarkLate], l.Outcomes[event.Dropped], l.Reasons,
		r.Bytes, float64(took.Milliseconds()) / 1000, len(r.Findings), warmedUp(r.Warmup),
	}, "")
}

// learnedRecords accounts for records that were only learned from: each ended
// in one of learned, duplicate, malformed and dropped.
type learnedRecords struct {
	Records   int64 `json:"records"`
	Learned   int64 `json:"learned"`
	Duplicate int64 `json:"duplicate"`
	Malformed int64 `json:"malformed"`
	Dropped   int64 `json:"dropped"`
	Bytes     int64 `json:"bytes"`
}

func warmedUp(w *app.WarmupResult) *learnedRecords {
	if w == nil {
		return nil
	}
	o := w.Ledger.Outcomes
	return &learnedRecords{w.Ledger.Records(), o[event.Evaluated], o[event.Duplicate], o[event.Malformed], o[event.Dropped], w.Bytes}
}

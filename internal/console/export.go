package console

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// maxExport is how many findings one export has.
const maxExport = 10_000

// exporter writes findings in some form.
type exporter interface {
	write(f *finding.Finding) error
	flush() error
}

// export writes the findings of a list, as many as maxExport, page by page as
// they are read.
func (s *server) export(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := parseFilter(r.URL.Query())
	if err != nil {
		return err
	}
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	format := r.URL.Query().Get("format")
	ext, contentType := "jsonl", "application/x-ndjson"
	var e exporter
	switch {
	case format == "csv":
		e, ext, contentType = newCSVExport(w), "csv", "text/csv; charset=utf-8"
	case format == "jsonl":
		e = &linesExport{w, func(f *finding.Finding) ([]byte, error) { return json.Marshal(f) }}
	case format == "ocsf" && s.OCSF != nil:
		e, ext = &linesExport{w, s.OCSF}, "ocsf.jsonl"
	default:
		return badFilter("format: must be csv, jsonl or ocsf")
	}
	for n, token := 0, ""; ; {
		ids, next, err := s.search(v, detector, &f, token, min(pageSize, maxExport-n))
		var page []*finding.Finding
		if err == nil {
			page, err = s.get(v, detector, ids)
		}
		if err != nil && token == "" {
			return err // nothing was sent yet
		}
		if token == "" {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Content-Disposition", `attachment; filename="vedette-findings-`+s.Now().UTC().Format("20060102-150405")+"."+ext+`"`)
		}
		for _, f := range page {
			if err == nil {
				err = e.write(f)
			}
		}
		if err == nil {
			err = e.flush()
		}
		if err != nil { // a cut connection is the only way to say that this is not all
			s.Log.WarnContext(r.Context(), "an export of findings was cut off", "error", err)
			panic(http.ErrAbortHandler)
		}
		if n += len(ids); next == "" || n >= maxExport {
			return nil
		}
		token = next
	}
}

// linesExport is JSON, a finding a line.
type linesExport struct {
	w    io.Writer
	form func(*finding.Finding) ([]byte, error)
}

func (e *linesExport) write(f *finding.Finding) error {
	line, err := e.form(f)
	if err != nil {
		return err
	}
	_, err = e.w.Write(append(bytes.TrimRight(line, "\n"), '\n'))
	return err
}

func (e *linesExport) flush() error { return nil }

// csvExport is for spreadsheets.
type csvExport struct{ w *csv.Writer }

func newCSVExport(w io.Writer) *csvExport {
	e := &csvExport{csv.NewWriter(w)}
	_ = e.w.Write(csvColumns()) // into its buffer; flush tells what fails
	return e
}

func csvColumns() []string {
	return []string{"id", "severity", "severityLabel", "type", "title", "accountId", "region", "resourceType", "resource", "count",
		"firstSeen", "lastSeen", "createdAt", "updatedAt", "archived", "feedback"}
}

func (e *csvExport) write(f *finding.Finding) error {
	s := f.Service
	if s == nil {
		s = &finding.Service{}
	}
	kind := ""
	if f.Resource != nil {
		kind = f.Resource.ResourceType
	}
	row := []string{f.ID, strconv.FormatFloat(f.Severity, 'f', -1, 64), severity(f.Severity), f.Type, f.Title, f.AccountID, f.Region, kind, finding.ResourceID(f),
		strconv.FormatInt(s.Count, 10), s.EventFirstSeen, s.EventLastSeen, f.CreatedAt, f.UpdatedAt, strconv.FormatBool(s.Archived), s.UserFeedback}
	for i := range row {
		row[i] = cell(row[i])
	}
	return e.w.Write(row)
}

func (e *csvExport) flush() error {
	e.w.Flush()
	return e.w.Error()
}

// cell keeps a spreadsheet from taking text for a formula, and a terminal from
// taking it for commands.
func cell(s string) string {
	s = shown(s)
	if s != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

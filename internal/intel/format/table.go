package format

import (
	"bufio"
	"slices"
	"strings"
)

// isHeader reports whether a line, or a comment, names columns of which one
// holds values.
func isHeader(line string) bool {
	line = strings.TrimLeft(line, "#; \t")
	sep := separator(line)
	if sep == 0 {
		return false
	}
	raw, _ := cut(line, sep)
	cells := names(raw)
	known := 0
	for _, c := range cells {
		if slices.Contains(valueColumns, c) {
			known += 2
		} else if slices.ContainsFunc(metaColumns, func(m []string) bool { return slices.Contains(m, c) }) {
			known++
		}
	}
	return known >= 2 && slices.ContainsFunc(cells, func(c string) bool { return slices.Contains(valueColumns, c) })
}

// separator is what parts the cells of a line; 0 if nothing does.
func separator(line string) byte {
	for _, sep := range []byte{',', ';', '\t', '|'} {
		if strings.IndexByte(line, sep) > 0 {
			return sep
		}
	}
	return 0
}

// names brings names of columns into the form in which they are known here.
func names(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = column(c)
	}
	return out
}

var underscores = strings.NewReplacer(" ", "_", "-", "_", ".", "_")

func column(name string) string {
	return underscores.Replace(strings.ToLower(strings.TrimSpace(name)))
}

// cut parts a line into cells. A cell may stand in quotes, with a quote in it
// doubled; blanks around a cell are no part of it. It reports whether the line
// ends inside quotes, so that the next one belongs to it.
func cut(line string, sep byte) (cells []string, unclosed bool) {
	for {
		line = strings.TrimLeft(line, " ")
		if strings.HasPrefix(line, `"`) {
			cell, rest, ok := quoted(line[1:])
			cells = append(cells, cell)
			i := strings.IndexByte(rest, sep)
			if i < 0 || sep == 0 {
				return cells, !ok
			}
			line = rest[i+1:]
			continue
		}
		i := strings.IndexByte(line, sep)
		if i < 0 || sep == 0 {
			return append(cells, strings.TrimSpace(line)), false
		}
		cells = append(cells, strings.TrimSpace(line[:i]))
		line = line[i+1:]
	}
}

// quoted is a cell whose opening quote is behind us, and what comes after it.
func quoted(s string) (cell, rest string, closed bool) {
	i := strings.IndexByte(s, '"')
	if i >= 0 && !strings.HasPrefix(s[i+1:], `"`) {
		return s[:i], s[i+1:], true
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			b.WriteString(s)
			return b.String(), "", false
		}
		b.WriteString(s[:i])
		if !strings.HasPrefix(s[i+1:], `"`) {
			return b.String(), s[i+1:], true
		}
		b.WriteByte('"')
		s = s[i+2:]
	}
}

// wanted are the columns that a format must name, and those that hold values.
func wanted(f Format) (head, values []string) {
	switch f {
	case OTXCSV:
		return []string{"indicator_type", "indicator"}, []string{"indicator"}
	case ProofPoint:
		return []string{"category", "score"}, []string{"ip", "domain"}
	case FireEye:
		return []string{"cidr", "domain", "ip"}, []string{"cidr", "ip", "domain", "sha256"}
	}
	return nil, valueColumns
}

// table reads everything whose cells are parted by a sign.
func (s *sink) table(in *bufio.Reader) error {
	t := tableReader{s: s, values: valueColumns}
	t.must, t.values = wanted(s.o.Format)
	if len(s.o.Columns) > 0 {
		t.columns = names(s.o.Columns)
	}
	return t.read(in)
}

type tableReader struct {
	s       *sink
	must    []string // columns that the first line must name
	values  []string // columns that hold values
	columns []string // their names, once known; nil for the first cell alone
	sep     byte
	rows    int
}

func (t *tableReader) read(in *bufio.Reader) error {
	l := lines{in: in}
	for text, ok := l.next(); ok; text, ok = l.next() {
		line, text := l.n, strings.TrimSpace(text)
		cells, unclosed := t.cut(text)
		for i := 0; unclosed && i < maxJoined && len(text) < maxLine && !l.long; i++ {
			more, ok := l.next()
			if !ok {
				break
			}
			text += "\n" + more
			cells, unclosed = t.cut(text)
		}
		var err error
		switch {
		case l.long || len(text) > 2*maxLine:
			err = t.s.fault(line, "longer than %d bytes", maxLine)
		case unclosed:
			err = t.s.fault(line, "a quote without its end")
		case text != "":
			err = t.line(text, cells, line)
		}
		if err != nil {
			return err
		}
	}
	return l.fault()
}

// maxJoined is how many lines one record may go on for.
const maxJoined = 20

func (t *tableReader) cut(text string) ([]string, bool) {
	sep := t.sep
	if sep == 0 {
		sep = separator(text)
	}
	return cut(text, sep)
}

func (t *tableReader) line(text string, cells []string, line int) error {
	switch {
	case isComment(text):
		if t.columns == nil && isHeader(text) { // abuse.ch names its columns in a comment
			return t.header(strings.TrimLeft(text, "#; \t"), line)
		}
		return nil
	case t.columns == nil && t.rows == 0 && (isHeader(text) || len(t.must) > 0):
		return t.header(text, line)
	}
	t.rows++
	if t.sep == 0 {
		t.sep = separator(text)
	}
	if t.columns == nil {
		return t.bare(cells, line)
	}
	if t.rows == 1 && slices.Equal(names(cells), t.columns) { // the names that we were told
		return nil
	}
	return t.s.record(t.row(cells), t.values, line)
}

// header takes the names of the columns.
func (t *tableReader) header(text string, line int) error {
	t.sep = separator(text)
	cells, _ := cut(text, t.sep)
	t.columns = names(cells)
	for _, m := range t.must {
		if !slices.Contains(t.columns, m) {
			return &Fault{line, "no column " + m + ": the first line of " + string(t.s.o.Format) + " names its columns"}
		}
	}
	return nil
}

// bare is a line of a table that does not name its columns: the first cell
// counts, and a first line without a value there is taken for a header.
func (t *tableReader) bare(cells []string, line int) error {
	e := Entry{Line: line, Confidence: -1}
	if _, err := classify(cells[0]); err != nil && t.rows == 1 && !strings.ContainsAny(cells[0], ".:") {
		return nil
	}
	return t.s.value(cells[0], e)
}

// row is a line as a record; cells without a name are left out.
func (t *tableReader) row(cells []string) record {
	r := record{}
	for i, c := range cells {
		if i < len(t.columns) && t.columns[i] != "" {
			r.set(t.columns[i], c)
		}
	}
	return r
}

package target

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/publish"
)

// What CEF escapes: in its header the bar, in its extension the equals sign.
var (
	cefHeader    = strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	cefExtension = strings.NewReplacer(`\`, `\\`, `=`, `\=`)
)

// cefOf is an event in the Common Event Format.
func cefOf(e *publish.Event, version string) string {
	m := read(e)
	signature, severity := e.DetailType, 3
	var ext []fact
	known := map[string]bool{}
	add := func(key, value string) { // a key stands once
		if value != "" && !known[key] {
			ext, known[key] = append(ext, fact{key, value}), true
		}
	}
	add("rt", strconv.FormatInt(e.Time.UnixMilli(), 10))
	if f := e.Finding(); f != nil {
		signature, severity = f.Type, int(math.Round(f.Severity))
		add("externalId", f.ID)
		add("cat", f.Type)
		if s := f.Service; s != nil {
			add("cnt", strconv.FormatInt(s.Count, 10))
			add("start", millis(s.EventFirstSeen))
			add("end", millis(s.EventLastSeen))
		}
	}
	add("msg", cut(cmp.Or(m.Text, m.Title), 1000))
	add("dvchost", "vedette")
	custom := 1
	for _, x := range m.Facts {
		switch x.Name {
		case "From":
			add("src", x.Value)
		case "User", "Principal":
			add("suser", x.Value)
		case "User agent":
			add("requestClientApplication", x.Value)
		case "Severity", "Type", "Count", "First seen", "Last seen", "Finding", "Findings of the incident":
		default:
			if custom <= 6 {
				add(fmt.Sprintf("cs%dLabel", custom), x.Name)
				add(fmt.Sprintf("cs%d", custom), x.Value)
				custom++
			}
		}
	}
	var b strings.Builder
	b.WriteString("CEF:0|Vedette|Vedette")
	for _, h := range []string{version, signature, m.Title, strconv.Itoa(min(max(severity, 0), 10))} {
		b.WriteString("|" + cefHeader.Replace(plain(h)))
	}
	b.WriteByte('|')
	for i, x := range ext {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(x.Name + "=" + cefExtension.Replace(plain(x.Value)))
	}
	return b.String()
}

// millis is a time of a finding in Unix milliseconds; "" if it is none.
func millis(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

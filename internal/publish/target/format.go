package target

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/vedette-project/vedette/internal/publish"
)

// The forms of an event.
const (
	FormatEventBridge = "eventbridge" // the envelope of EventBridge with the finding in it
	FormatFinding     = "finding"     // the finding alone
	FormatCloudEvents = "cloudevents" // CloudEvents 1.0 in structured mode
	FormatBinary      = "cloudevents-binary"
	FormatOCSF        = "ocsf"
	FormatFalco       = "falco"
	FormatASFF        = "asff"
	FormatCEF         = "cef"
	FormatText        = "text"
	FormatTemplate    = "template"
	FormatParquet     = "ocsf-parquet" // of a Lake alone
)

// Formats are those that can be one text.
func Formats() []string {
	return []string{FormatEventBridge, FormatFinding, FormatCloudEvents, FormatOCSF, FormatFalco, FormatASFF, FormatCEF, FormatText, FormatTemplate}
}

// Form makes texts of events.
type Form struct {
	Format   string
	Template *template.Template // of FormatTemplate
	Version  string             // of the program
}

// skips reports whether an event has no meaning in the form.
func (f *Form) skips(e *publish.Event) bool {
	return e.Finding() == nil && slices.Contains([]string{FormatOCSF, FormatASFF}, f.Format)
}

// ContentType is that of a text.
func (f *Form) ContentType() string {
	switch f.Format {
	case FormatCloudEvents:
		return "application/cloudevents+json; charset=UTF-8"
	case FormatCEF, FormatText:
		return "text/plain; charset=utf-8"
	}
	return "application/json"
}

// text is an event in its form. An error is of an event that cannot be put
// into the form, now or later.
func (f *Form) text(e *publish.Event) ([]byte, error) {
	out, err := f.make(e)
	if err != nil {
		return nil, &publish.RefusedError{Reason: "it cannot be written as " + f.Format + ": " + err.Error()}
	}
	return out, nil
}

func (f *Form) make(e *publish.Event) ([]byte, error) {
	switch f.Format {
	case "", FormatEventBridge:
		return encode(e)
	case FormatFinding, FormatBinary:
		return encode(e.Detail)
	case FormatCloudEvents:
		return encode(cloudEventOf(e))
	case FormatOCSF:
		return encode(ocsfOf(e, f.Version))
	case FormatFalco:
		return encode(falcoOf(e))
	case FormatASFF:
		x, err := asffOf(e.Finding())
		if err != nil {
			return nil, err
		}
		return encode(x)
	case FormatCEF:
		return []byte(cefOf(e, f.Version)), nil
	case FormatText:
		return []byte(textOf(e)), nil
	case FormatTemplate:
		return f.execute(e)
	}
	return nil, fmt.Errorf("there is no format %q", f.Format)
}

// encode is JSON as it is sent: < and & are not written as \u003c and so on.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// ParseTemplate reads a template. It must give JSON; {{json .detail.title}}
// writes a value with its quotes.
func ParseTemplate(text string) (*template.Template, error) {
	return template.New("template").Option("missingkey=zero").Funcs(template.FuncMap{
		"json":  func(v any) (string, error) { b, err := encode(v); return string(b), err },
		"plain": func(v any) string { return plain(fmt.Sprint(v)) },
		"lower": strings.ToLower, "upper": strings.ToUpper,
	}).Parse(text)
}

// maxTemplated bounds what a template makes.
const maxTemplated = 4 << 20

func (f *Form) execute(e *publish.Event) ([]byte, error) {
	data, err := encode(e)
	if err != nil {
		return nil, err
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	v["update"], v["incident"] = e.Update, e.Incident
	var b bytes.Buffer
	if err := f.Template.Execute(&b, v); err != nil {
		return nil, err
	}
	if b.Len() > maxTemplated {
		return nil, fmt.Errorf("the template makes more than %d bytes", maxTemplated)
	}
	if !json.Valid(b.Bytes()) {
		return nil, errors.New("what the template makes is not JSON; write values with {{json .value}}")
	}
	return b.Bytes(), nil
}

// textOf is an event in one line.
func textOf(e *publish.Event) string {
	m := read(e)
	var b strings.Builder
	b.WriteString(m.lead())
	for _, x := range m.Facts {
		if x.Name != "Severity" {
			fmt.Fprintf(&b, " | %s: %s", x.Name, x.Value)
		}
	}
	return b.String()
}

// cloudEvent is an event of CloudEvents 1.0.
type cloudEvent struct {
	SpecVersion string `json:"specversion"`
	ID          string `json:"id"`
	Source      string `json:"source"`
	Type        string `json:"type"`
	Subject     string `json:"subject,omitempty"`
	Time        string `json:"time"`
	ContentType string `json:"datacontenttype"`
	Data        any    `json:"data"`
}

func cloudEventOf(e *publish.Event) *cloudEvent {
	c := &cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: "/vedette/" + e.Account + "/" + e.Region, Time: e.Time.UTC().Format("2006-01-02T15:04:05Z"),
		ContentType: "application/json", Data: e.Detail,
	}
	switch {
	case e.Finding() != nil && e.Update:
		c.Type, c.Subject = "io.github.vedette-project.finding.updated", e.Finding().ID
	case e.Finding() != nil:
		c.Type, c.Subject = "io.github.vedette-project.finding.created", e.Finding().ID
	case e.DetailType == publish.TypeHealthy:
		c.Type = "io.github.vedette-project.source.healthy"
	default:
		c.Type = "io.github.vedette-project.source.unhealthy"
	}
	if h := e.Health(); h != nil {
		c.Subject = plain(h.Source)
	}
	return c
}

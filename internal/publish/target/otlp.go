package target

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/otlp"
	"github.com/vedette-project/vedette/internal/publish"
)

// OTLP sends events as log records of OpenTelemetry, by HTTP in JSON.
type OTLP struct {
	Web
	Form
	URL    string // of the collector, without /v1/logs
	Header http.Header
}

type otlpRequest struct {
	ResourceLogs []otlpResource `json:"resourceLogs"`
}

type otlpResource struct {
	Resource  otlp.Resource `json:"resource"`
	ScopeLogs []otlpScope   `json:"scopeLogs"`
}

type otlpScope struct {
	Scope   otlp.Scope   `json:"scope"`
	Records []otlpRecord `json:"logRecords"`
}

type otlpRecord struct {
	Time       string           `json:"timeUnixNano"`
	Observed   string           `json:"observedTimeUnixNano"`
	Number     int              `json:"severityNumber"`
	Text       string           `json:"severityText"`
	EventName  string           `json:"eventName"`
	Body       otlp.Value       `json:"body"`
	Attributes []otlp.Attribute `json:"attributes"`
}

// Send posts all events in one call.
func (t *OTLP) Send(ctx context.Context, events []publish.Event) error {
	each := make(publish.Each, len(events))
	var records []otlpRecord
	for i := range events {
		if t.skips(&events[i]) {
			continue
		}
		body, err := t.text(&events[i])
		if err != nil {
			each[i] = err
			continue
		}
		records = append(records, otlpOf(&events[i], string(body)))
	}
	if len(records) == 0 {
		return result(each)
	}
	body, err := encode(otlpRequest{[]otlpResource{{
		Resource:  otlp.Resource{Attributes: []otlp.Attribute{otlp.Text("service.name", "vedette"), otlp.Text("cloud.provider", "aws")}},
		ScopeLogs: []otlpScope{{otlp.Scope{Name: "vedette", Version: t.Version}, records}},
	}}})
	if err != nil {
		return &publish.RefusedError{Reason: err.Error()}
	}
	a, err := t.post(ctx, strings.TrimSuffix(t.URL, "/")+"/v1/logs", t.Header, body)
	if err != nil {
		return err
	}
	if rejected, message := otlp.Rejected(a.body); rejected > 0 {
		return &publish.RefusedError{Reason: "the collector rejected " + strconv.Itoa(rejected) + " records of the call: " + plain(message)}
	}
	return result(each)
}

func otlpOf(e *publish.Event, body string) otlpRecord {
	m := read(e)
	r := otlpRecord{
		Observed: otlp.Nano(e.Time), EventName: "vedette.finding", Body: otlp.Value{Text: &body}, Text: m.Severity,
		Attributes: []otlp.Attribute{otlp.Text("event.id", e.ID), otlp.Text("cloud.account.id", e.Account), otlp.Text("cloud.region", e.Region), otlp.Text("vedette.title", m.Title)},
	}
	r.Time, r.Number = r.Observed, otlpSeverity(m.Severity)
	f := e.Finding()
	if f == nil {
		r.EventName = "vedette.source"
		r.Attributes = append(r.Attributes, otlp.Text("vedette.event.type", e.DetailType))
		return r
	}
	if at, err := time.Parse(time.RFC3339, f.UpdatedAt); err == nil {
		r.Time = otlp.Nano(at)
	}
	r.Attributes = append(r.Attributes, otlp.Text("vedette.finding.id", f.ID), otlp.Text("vedette.finding.type", f.Type), otlp.Text("vedette.incident", m.Key))
	if f.Service != nil {
		r.Attributes = append(r.Attributes, otlp.Int("vedette.finding.count", f.Service.Count))
	}
	return r
}

// otlpSeverity is a severity as OpenTelemetry numbers them.
func otlpSeverity(label string) int {
	switch label {
	case "Critical":
		return 21 // FATAL
	case "High":
		return 17 // ERROR
	case "Medium":
		return 13 // WARN
	case "Low":
		return 10 // INFO2
	}
	return 9 // INFO
}

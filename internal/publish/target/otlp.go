package target

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	Resource  otlpAttributes `json:"resource"`
	ScopeLogs []otlpScope    `json:"scopeLogs"`
}

type otlpAttributes struct {
	Attributes []otlpAttribute `json:"attributes"`
}

type otlpScope struct {
	Scope   otlpName     `json:"scope"`
	Records []otlpRecord `json:"logRecords"`
}

type otlpName struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

type otlpRecord struct {
	Time       string          `json:"timeUnixNano"`
	Observed   string          `json:"observedTimeUnixNano"`
	Number     int             `json:"severityNumber"`
	Text       string          `json:"severityText"`
	EventName  string          `json:"eventName"`
	Body       otlpValue       `json:"body"`
	Attributes []otlpAttribute `json:"attributes"`
}

type otlpAttribute struct {
	Key   string    `json:"key"`
	Value otlpValue `json:"value"`
}

type otlpValue struct {
	String *string `json:"stringValue,omitempty"`
	Int    *string `json:"intValue,omitempty"`
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
		Resource:  otlpAttributes{[]otlpAttribute{otlpText("service.name", "vedette"), otlpText("cloud.provider", "aws")}},
		ScopeLogs: []otlpScope{{otlpName{"vedette", t.Version}, records}},
	}}})
	if err != nil {
		return &publish.RefusedError{Reason: err.Error()}
	}
	a, err := t.post(ctx, strings.TrimSuffix(t.URL, "/")+"/v1/logs", t.Header, body)
	if err != nil {
		return err
	}
	var out struct {
		PartialSuccess struct {
			Rejected json.RawMessage `json:"rejectedLogRecords"` // a number, or one in quotes
			Message  string          `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	rejected := ""
	if json.Unmarshal(a.body, &out) == nil {
		rejected = strings.Trim(string(out.PartialSuccess.Rejected), `"`)
	}
	if n, err := strconv.Atoi(rejected); err == nil && n > 0 {
		// OTLP does not say which ones, and forbids to send them again.
		return &publish.RefusedError{Reason: "the collector rejected " + rejected + " records of the call: " + plain(out.PartialSuccess.Message)}
	}
	return result(each)
}

func otlpOf(e *publish.Event, body string) otlpRecord {
	m := read(e)
	r := otlpRecord{
		Observed: strconv.FormatInt(e.Time.UnixNano(), 10), EventName: "vedette.finding", Body: otlpValue{String: &body}, Text: m.Severity,
		Attributes: []otlpAttribute{otlpText("event.id", e.ID), otlpText("cloud.account.id", e.Account), otlpText("cloud.region", e.Region), otlpText("vedette.title", m.Title)},
	}
	r.Time, r.Number = r.Observed, otlpSeverity(m.Severity)
	f := e.Finding()
	if f == nil {
		r.EventName = "vedette.source"
		r.Attributes = append(r.Attributes, otlpText("vedette.event.type", e.DetailType))
		return r
	}
	if at, err := time.Parse(time.RFC3339, f.UpdatedAt); err == nil {
		r.Time = strconv.FormatInt(at.UnixNano(), 10)
	}
	r.Attributes = append(r.Attributes, otlpText("vedette.finding.id", f.ID), otlpText("vedette.finding.type", f.Type), otlpText("vedette.incident", m.Key))
	if f.Service != nil {
		count := strconv.FormatInt(f.Service.Count, 10)
		r.Attributes = append(r.Attributes, otlpAttribute{"vedette.finding.count", otlpValue{Int: &count}})
	}
	return r
}

func otlpText(key, value string) otlpAttribute { return otlpAttribute{key, otlpValue{String: &value}} }

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

package app

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// auditLine is an audit event, in as far as Google's log shows it.
type auditLine struct {
	AuditID, Stage, RequestURI, Verb, UserAgent string
	User                                        struct{ Username string }
	SourceIPs                                   []string
	ObjectRef                                   struct{ Resource, Subresource, Namespace, Name, APIGroup, APIVersion string }
	ResponseStatus                              struct {
		Code    int
		Message string
	}
	RequestObject, ResponseObject json.RawMessage
	RequestReceivedTimestamp      string
	StageTimestamp                string
	Annotations                   map[string]string
}

// asGKE is the entry that Google makes of an audit event: one a call, when it
// is over. Groups, the impersonated user, the query and all addresses but the
// peer's are gone.
func asGKE(t *testing.T, line []byte) []byte {
	t.Helper()
	var e auditLine
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &e) != nil || e.AuditID == "" {
		return line
	}
	if e.Stage == "RequestReceived" {
		return nil
	}
	payload := map[string]any{"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "k8s.io", "status": gkeStatusOf(&e)}
	who := map[string]string{}
	if e.User.Username != "" {
		who["principalEmail"] = e.User.Username
	}
	payload["authenticationInfo"] = who
	caller := map[string]string{"callerSuppliedUserAgent": e.UserAgent}
	if n := len(e.SourceIPs); n > 0 {
		caller["callerIp"] = e.SourceIPs[n-1]
	}
	payload["requestMetadata"] = caller
	payload["methodName"], payload["resourceName"] = gkeNamesOf(&e)
	if body := gkeBody(e.RequestObject, e.Verb == "patch"); body != nil {
		payload["request"] = body
	}
	if body := gkeBody(e.ResponseObject, false); body != nil {
		if m, ok := body["metadata"].(map[string]any); ok && e.ResponseStatus.Code == 201 && m["creationTimestamp"] == nil && len(e.RequestReceivedTimestamp) > 19 {
			m["creationTimestamp"] = e.RequestReceivedTimestamp[:19] + "Z" // written records may lack it; no server leaves it out
		}
		payload["response"] = body
	}
	labels := e.Annotations
	if strings.Contains(e.RequestURI, "dryRun=All") {
		if labels == nil {
			labels = map[string]string{}
		}
		labels["command.gke.io/dryRun"] = "All"
	}
	at := e.RequestReceivedTimestamp
	if at == "" {
		at = e.StageTimestamp
	}
	entry, err := json.Marshal(map[string]any{
		"insertId": e.AuditID, "labels": labels, "logName": "projects/shop/logs/cloudaudit.googleapis.com%2Factivity", "protoPayload": payload,
		"operation": map[string]any{"id": e.AuditID, "producer": "k8s.io", "first": true, "last": true},
		"resource":  map[string]any{"type": "k8s_cluster", "labels": map[string]string{"cluster_name": "test", "location": "europe-west1-b", "project_id": "shop"}},
		"timestamp": at, "receiveTimestamp": at,
	})
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func gkeStatusOf(e *auditLine) map[string]any {
	if e.ResponseStatus.Code < 400 {
		return map[string]any{}
	}
	codes := map[int]int{400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 422: 3, 429: 8, 501: 12, 503: 14, 504: 4}
	code, ok := codes[e.ResponseStatus.Code]
	if !ok {
		code = 13
	}
	return map[string]any{"code": code, "message": e.ResponseStatus.Message}
}

func gkeNamesOf(e *auditLine) (method, name string) {
	o := &e.ObjectRef
	if o.Resource == "" {
		path, _, _ := strings.Cut(e.RequestURI, "?")
		return "io.k8s." + e.Verb, strings.TrimPrefix(path, "/")
	}
	group, short := o.APIGroup, "core"
	if group == "" {
		group = "core"
	} else {
		parts := strings.Split(strings.TrimSuffix(group, ".k8s.io"), ".")
		slices.Reverse(parts)
		short = strings.Join(parts, ".")
	}
	called, version := o.Name, o.APIVersion
	if version == "" {
		version = "v1"
	}
	if called == "" && e.Verb == "create" { // Google takes it from the answer
		var made struct{ Metadata struct{ Name string } }
		if json.Unmarshal(e.ResponseObject, &made) == nil {
			called = made.Metadata.Name
		}
	}
	method, name = "io.k8s."+short+"."+version+"."+o.Resource, group+"/"+version
	if o.Namespace != "" && o.Resource != "namespaces" {
		name += "/namespaces/" + o.Namespace
	}
	name += "/" + o.Resource
	for _, part := range []string{called, o.Subresource} {
		if part != "" {
			name += "/" + part
		}
	}
	if o.Subresource != "" {
		method += "." + o.Subresource
	}
	return method + "." + e.Verb, name
}

// gkeBody is a body with the type that Google writes into it. A list is no
// such body.
func gkeBody(raw json.RawMessage, patch bool) map[string]any {
	var body map[string]any
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if json.Unmarshal(raw, &body) != nil {
		body = map[string]any{}
	}
	kind, _ := body["kind"].(string)
	if body["@type"] = "core.k8s.io/v1." + kind; patch {
		body["@type"] = "k8s.io/Patch"
	}
	return body
}

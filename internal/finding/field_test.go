package finding

import (
	"reflect"
	"strings"
	"testing"
)

func TestFieldTableCounts(t *testing.T) {
	var query, archive int
	seen := map[string]bool{}
	for _, f := range FieldList() {
		if seen[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		seen[f.Name] = true
		if f.Query {
			query++
		} else {
			archive++
		}
	}
	if query != 94 || archive != 529 {
		t.Errorf("%d query and %d archive fields, want 94 and 529", query, archive)
	}
}

func TestLookupFieldSpellings(t *testing.T) {
	for name, path := range map[string]string{
		"severity":                            "severity",
		"resource.instanceDetails.outpostARN": "resource.instanceDetails.outpostArn",
		"resource.instanceDetails.outpostArn": "resource.instanceDetails.outpostArn",
		"resource.kubernetesDetails.kubernetesWorkloadDetails.hostIpc": "resource.kubernetesDetails.kubernetesWorkloadDetails.hostIPC",
		"resource.kubernetesDetails.kubernetesWorkloadDetails.hostIPC": "resource.kubernetesDetails.kubernetesWorkloadDetails.hostIPC",
		"resource.kubernetesDetails.kubernetesWorkloadDetails.hostPid": "resource.kubernetesDetails.kubernetesWorkloadDetails.hostPID",
		"service.action.rdsLoginAttemptAction.loginAttributes.user":    "service.action.rdsLoginAttemptAction.LoginAttributes.user",
		"service.action.rdsLoginAttemptAction.LoginAttributes.user":    "service.action.rdsLoginAttemptAction.LoginAttributes.user",
		"service.action.kubernetesApiCallAction.sourceIPs":             "service.action.kubernetesApiCallAction.sourceIPs",
	} {
		f, ok := LookupField(name)
		if !ok || f.Path != path {
			t.Errorf("LookupField(%q) = %q, %t; want %q", name, f.Path, ok, path)
		}
	}
	for _, name := range []string{"", "Severity", "severity.", "service", "service.additionalInfo.evidence", "title"} {
		if f, ok := LookupField(name); ok {
			t.Errorf("LookupField(%q) = %v, want none", name, f)
		}
	}
}

// TestFieldTableAgreesWithWire holds the table against the Go types: a field
// that the wire types have must be of the kind that they write.
func TestFieldTableAgreesWithWire(t *testing.T) {
	wire := map[string]reflect.Type{}
	wirePaths(reflect.TypeFor[Finding](), "", wire)
	missing := 0
	for _, f := range FieldList() {
		typ, ok := wire[f.Path]
		if !ok {
			missing++
			if f.Kind == KindBool && !f.optional {
				t.Errorf("%s counts as false when it is missing, but the wire types do not have it", f.Name)
			}
			continue
		}
		if got := wireKind(typ); got != f.Kind && !refines(f.Kind, got) {
			t.Errorf("%s is a %s in the table, a %s on the wire", f.Name, f.Kind, got)
		}
	}
	// The rest stands in service.additionalInfo.value, in JSON that the wire
	// types keep raw, or is known to the filter model only.
	if missing != 59 {
		t.Errorf("%d fields are not in the wire types, want 59", missing)
	}
}

// refines: kinds that a wire string or number may be more exactly.
func refines(kind, wire Kind) bool {
	switch kind {
	case KindIP, KindText, KindTimestamp:
		return wire == KindString
	case KindSeverity:
		return wire == KindNumber
	}
	return false
}

func wireKind(t reflect.Type) Kind {
	switch {
	case t == reflect.TypeFor[Epoch]():
		return KindTimestamp
	case t.Kind() == reflect.Bool:
		return KindBool
	case t.Kind() == reflect.Int64 || t.Kind() == reflect.Float64:
		return KindNumber
	case t.Kind() == reflect.String:
		return KindString
	}
	return Kind(t.String())
}

func wirePaths(t reflect.Type, path string, out map[string]reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[Epoch]() {
		out[strings.TrimPrefix(path, ".")] = t
		return
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		wirePaths(t.Field(i).Type, path+"."+name, out)
	}
}

package finding

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sampleFinding() *Finding {
	at := time.Date(2026, 3, 4, 5, 6, 7, 890e6, time.UTC)
	return &Finding{
		AccountID: "111122223333", ID: "0123456789abcdef0123456789abcdef", Region: "eu-west-1",
		Type: "Execution:Kubernetes/ExecInKubeSystemPod", Severity: 5,
		CreatedAt: Timestamp(at), UpdatedAt: Timestamp(at.Add(time.Minute)),
		Resource: &Resource{
			ResourceType:      "EKSCluster",
			EKSClusterDetails: &EKSClusterDetails{Name: "prod", CreatedAt: &Epoch{at}, Tags: []Tag{{"team", "a"}, {"env", "b"}}},
			KubernetesDetails: &KubernetesDetails{
				KubernetesUserDetails: &KubernetesUserDetails{Username: "kubernetes-admin", Groups: []string{"system:masters", "dev", "dev"}},
				KubernetesWorkloadDetails: &KubernetesWorkloadDetails{
					Name: "nginx", HostPID: true,
					Containers: []Container{{Image: "a"}, {Image: "b", SecurityContext: &SecurityContext{Privileged: true}}},
				},
			},
		},
		Service: &Service{
			Count: 3,
			Action: &Action{KubernetesAPICallAction: &KubernetesAPICallAction{
				SourceIPs: []string{"10.1.2.3", "2001:DB8::0001"}, StatusCode: 201,
			}},
			AdditionalInfo: &ServiceAdditionalInfo{
				Value: `{"sample":true,"threatListName":"L","unusual":{"port":[22,"80"]},"inBytes":"12","type":"x","evidence":{"why":"w"}}`,
				Type:  "default",
			},
			RuntimeDetails: &RuntimeDetails{Process: &ProcessDetails{StartTime: &Epoch{at}}},
		},
	}
}

func TestFlatten(t *testing.T) {
	got, err := Flatten(sampleFinding())
	if err != nil {
		t.Fatal(err)
	}
	text := func(ss ...string) []Value {
		var vs []Value
		for _, s := range ss {
			vs = append(vs, Value{Text: s})
		}
		return vs
	}
	number := func(s string, f float64) []Value { return []Value{{s, f, true}} }
	workload := "resource.kubernetesDetails.kubernetesWorkloadDetails."
	want := Values{
		"accountId":                             text("111122223333"),
		"arn":                                   text(""),
		"id":                                    text("0123456789abcdef0123456789abcdef"),
		"region":                                text("eu-west-1"),
		"schemaVersion":                         text(""),
		"severity":                              number("5", 5),
		"type":                                  text("Execution:Kubernetes/ExecInKubeSystemPod"),
		"createdAt":                             number("1772600767890", 1772600767890),
		"updatedAt":                             number("1772600827890", 1772600827890),
		"resource.resourceType":                 text("EKSCluster"),
		"resource.eksClusterDetails.name":       text("prod"),
		"resource.eksClusterDetails.createdAt":  number("1772600767890", 1772600767890),
		"resource.eksClusterDetails.tags.key":   text("team", "env"),
		"resource.eksClusterDetails.tags.value": text("a", "b"),
		"resource.kubernetesDetails.kubernetesUserDetails.username": text("kubernetes-admin"),
		"resource.kubernetesDetails.kubernetesUserDetails.groups":   text("system:masters", "dev"),
		workload + "name":                                  text("nginx"),
		workload + "hostPID":                               text("true"),
		workload + "hostIPC":                               text("false"),
		workload + "hostNetwork":                           text("false"),
		workload + "containers.image":                      text("a", "b"),
		workload + "containers.securityContext.privileged": text("true"),
		workload + "containers.securityContext.allowPrivilegeEscalation": text("false"),
		"service.archived":    text("false"),
		"service.serviceName": text(""),
		"service.count":       number("3", 3),
		"service.action.kubernetesApiCallAction.sourceIPs":  text("10.1.2.3", "2001:db8::1"),
		"service.action.kubernetesApiCallAction.statusCode": number("201", 201),
		"service.additionalInfo.value":                      text(sampleFinding().Service.AdditionalInfo.Value),
		"service.additionalInfo.type":                       text("default"),
		"service.additionalInfo.sample":                     text("true"),
		"service.additionalInfo.threatListName":             text("L"),
		"service.additionalInfo.unusual.port":               {{"22", 22, true}, {"80", 80, true}},
		"service.additionalInfo.inBytes":                    number("12", 12),
		"service.runtimeDetails.process.startTime":          number("1772600767890", 1772600767890),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("values differ (-want +got):\n%s", d)
	}
}

func TestFlattenOddValues(t *testing.T) {
	tests := []struct {
		name, wire, path string
		want             []Value
	}{
		{"severity with a fraction", `{"severity":8.9}`, "severity", []Value{{"8", 8.9, true}}},
		{"big number", `{"service":{"count":1e15}}`, "service.count", []Value{{"1000000000000000", 1e15, true}}},
		{"moment that is none", `{"createdAt":"yesterday"}`, "createdAt", []Value{{Text: "yesterday"}}},
		{"address that is none", `{"service":{"action":{"kubernetesApiCallAction":{"sourceIPs":["UNKNOWN"]}}}}`,
			"service.action.kubernetesApiCallAction.sourceIPs", []Value{{Text: "UNKNOWN"}}},
		{"mapped address", `{"service":{"action":{"kubernetesApiCallAction":{"sourceIPs":["::ffff:1.2.3.4"]}}}}`,
			"service.action.kubernetesApiCallAction.sourceIPs", []Value{{Text: "1.2.3.4"}}},
		{"null", `{"type":null}`, "type", nil},
		{"object where a text should be", `{"type":{"a":1}}`, "type", nil},
		{"info that is not JSON", `{"service":{"additionalInfo":{"value":"{"}}}`, "service.additionalInfo.sample", nil},
		{"info that is a list", `{"service":{"additionalInfo":{"value":"[1]"}}}`, "service.additionalInfo.value", []Value{{Text: "[1]"}}},
		{"bool of an absent object", `{"service":{"action":{}}}`, "service.action.networkConnectionAction.blocked", nil},
		{"bool of a list of objects", `{"resource":{"containerDetails":{"securityContext":{}}}}`,
			"resource.containerDetails.securityContext.privileged", []Value{{Text: "false"}}},
	}
	for _, tt := range tests {
		v, err := FlattenJSON([]byte(tt.wire))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if d := cmp.Diff(tt.want, v[tt.path]); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
	for _, wire := range []string{"", "{", "[]"} {
		if _, err := FlattenJSON([]byte(wire)); err == nil {
			t.Errorf("FlattenJSON(%q) gave no error", wire)
		}
	}
}

func TestResourceID(t *testing.T) {
	tests := []struct {
		f    Finding
		want string
	}{
		{*sampleFinding(), "prod"},
		{Finding{}, ""},
		{Finding{Resource: &Resource{}}, ""},
		{Finding{Resource: &Resource{ResourceType: "AccessKey", AccessKeyDetails: &AccessKeyDetails{AccessKeyID: "AK"},
			InstanceDetails: &InstanceDetails{InstanceID: "i-1"}}}, "AK"},
		{Finding{Resource: &Resource{ResourceType: "S3Bucket", S3BucketDetails: []S3BucketDetail{{Name: "b"}}}}, "b"},
		{Finding{Resource: &Resource{ResourceType: "Unheard", InstanceDetails: &InstanceDetails{InstanceID: "i-1"}}}, "i-1"},
		{Finding{Resource: &Resource{ResourceType: "AttackSequence"},
			Service: &Service{Detection: &Detection{Sequence: &Sequence{UID: "u"}}}}, "u"},
	}
	for _, tt := range tests {
		if got := ResourceID(&tt.f); got != tt.want {
			t.Errorf("ResourceID = %q, want %q", got, tt.want)
		}
	}
}

func FuzzFlattenJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"severity":8.9,"service":{"additionalInfo":{"value":"{\"sample\":true}"}}}`, `{"service":[{"count":1e400}]}`,
		`{"updatedAt":1772600767.89,"resource":{"kubernetesDetails":{"kubernetesWorkloadDetails":[{},{"hostIPC":"x"}]}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := FlattenJSON(data)
		if err != nil && v != nil {
			t.Fatalf("both %v and %v", v, err)
		}
		for path := range v {
			if field, ok := LookupField(path); !ok || field.Path != path {
				t.Fatalf("values of %s, which is no field", path)
			}
		}
	})
}

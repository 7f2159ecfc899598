package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/store"
)

// execFinding is a finding as detection makes it: eve ran a command in a pod.
func execFinding(b *bed, pod, who string, at time.Time) *finding.Finding {
	b.Helper()
	raw := fmt.Sprintf(`{"kind":"Event","level":"Request","verb":"create","user":{"username":%q},"sourceIPs":["203.0.113.7"],"objectRef":{"name":%q}}`, who, pod)
	r := finding.NewRecord(&finding.Signal{
		Type: "Execution:Kubernetes/ExecInKubeSystemPod", Key: pod + who, Account: account, Region: region, Cluster: "prod", Home: finding.Home{Account: account, Region: region},
		Time: at, Occurrence: "audit-" + pod, Title: "A command was run in a pod", Description: who + " ran sh in " + pod + ".", Severity: 8,
		Resource: finding.Resource{ResourceType: "EKSCluster", EKSClusterDetails: &finding.EKSClusterDetails{Name: "prod"}, KubernetesDetails: &finding.KubernetesDetails{
			KubernetesUserDetails:     &finding.KubernetesUserDetails{Username: who, Groups: []string{"system:authenticated"}},
			KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: pod, Type: "pods", Namespace: "kube-system"},
		}},
		Action: finding.Action{ActionType: "KUBERNETES_API_CALL", KubernetesAPICallAction: &finding.KubernetesAPICallAction{
			RequestURI: "/api/v1/namespaces/kube-system/pods/" + pod + "/exec", Verb: "create", Resource: "pods", Subresource: "exec",
			SourceIPs: []string{"203.0.113.7"}, UserAgent: "kubectl/v1.33.0", RemoteIPDetails: &finding.RemoteIPDetails{IPAddressV4: "203.0.113.7"}}},
		Actor: finding.Actor{Username: who, SourceIPs: []string{"203.0.113.7"}, UserAgent: "kubectl/v1.33.0"},
		Intel: []finding.ThreatIntelligenceDetail{{ThreatListName: "Test list", ThreatNames: []string{"botnet"}}},
		Info: map[string]any{"rule": map[string]any{"id": "7bcd", "title": "Exec in kube-system", "level": "high"},
			"matched": []map[string]string{{"field": "verb", "value": "create"}}, "commandLine": "sh -c id"},
		Evidence: finding.EvidenceRecord{AuditID: "audit-" + pod, Stage: "ResponseComplete", Level: "Request", Time: at, Hidden: "audit level Request: the response body is not in the log", Raw: raw},
		Why:      "the namespace is kube-system",
	})
	return r.Finding
}

func TestFinding(t *testing.T) {
	b := newBed(t)
	f := execFinding(b, "web-0", "eve", b.now.Add(-time.Hour))
	b.put(f, execFinding(b, "web-1", "eve", b.now.Add(-2*time.Hour)), execFinding(b, "web-2", "mallory", b.now.Add(-3*time.Hour)))
	p := b.as(access.RoleAnalyst)
	r := p.page("/console/findings/" + f.ID)
	r.wants("h1", "A command was run in a pod")
	r.wants(".story", "eve ran sh in web-0. It was seen once, at 2026-03-04 11:30:00 UTC.")
	r.wants("#main", "the namespace is kube-system", "Test list", "botnet", "Exec in kube-system", "Command line", "sh -c id", "system:authenticated", "audit-web-0")
	r.wants(".record", "audit level Request: the response body is not in the log", `"username": "`)
	if marks := r.text(".record mark"); !strings.Contains(marks, "eve") || !strings.Contains(marks, "203.0.113.7") {
		t.Errorf("marked in the record: %q", marks)
	}
	r.wants("pre code", "kubectl describe pods web-0 --namespace=kube-system", "kubectl auth can-i --list --as=eve --as-group=system:authenticated")
	for _, href := range []string{"/console/entities/user/eve", "/console/entities/pod/kube-system%2Fweb-0", "/console/entities/address/203.0.113.7", "/console/entities/cluster/prod"} {
		if !r.has("#main a[href=" + href + "]") {
			t.Errorf("no link to %s", href)
		}
	}
	// The other two share the address, one the user as well.
	if n := len(r.all("#main table.list tbody tr")); n != 2 {
		t.Errorf("%d related findings, want 2", n)
	}
	if r := p.get("/console/findings/0123"); r.Code != http.StatusNotFound {
		t.Errorf("a finding that is not there: %d", r.Code)
	}
}

func TestFindingJSON(t *testing.T) {
	b := newBed(t)
	f := execFinding(b, "web-0", "eve", b.now)
	b.put(f)
	r := b.as(access.RoleReadOnly).get("/console/findings/" + f.ID + ".json")
	var got finding.Finding
	if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil || got.ID != f.ID || r.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v %v", r.Code, r.Header(), err)
	}
	if d := r.Header().Get("Content-Disposition"); d != "attachment; filename=finding-"+f.ID+".json" {
		t.Error(d)
	}
}

// TestEverySample: the page of every type of the catalogue is made, is small,
// and has no empty facts.
func TestEverySample(t *testing.T) {
	b := newBed(t)
	b.samples()
	p := b.as(access.RoleAdmin)
	for _, kind := range finding.Catalog() {
		f := b.sample(kind.Name)
		r := p.page("/console/findings/" + f.ID)
		if n := r.Body.Len(); n > 60<<10 {
			t.Errorf("%s: the page has %d bytes", kind.Name, n)
		}
		r.wants("#main", kind.Name, "Sample: nothing of it happened")
		for _, dd := range r.all("dl.facts dd") {
			if textOf(dd) == "" {
				t.Errorf("%s: an empty fact", kind.Name)
			}
		}
		if kind.ResourceType == "AttackSequence" && !r.has("svg.lanes") {
			t.Errorf("%s: no lanes", kind.Name)
		}
	}
}

func TestFindingTriage(t *testing.T) {
	b := newBed(t)
	f := execFinding(b, "web-0", "eve", b.now)
	b.put(f)
	path := "/console/findings/" + f.ID
	p := b.as(access.RoleAnalyst)
	archived := func(want bool) {
		t.Helper()
		fs, err := b.store.Findings(t.Context(), b.detector, []string{f.ID}, finding.Sort{})
		if err != nil || len(fs) != 1 || fs[0].Service.Archived != want {
			t.Errorf("archived is not %v: %v %v", want, fs, err)
		}
	}
	r := p.change(path+"/archive", nil)
	r.wants(".note", "Archived the finding.")
	r.wants("#main", "Archived", "Bring back")
	archived(true)
	p.change(path+"/unarchive", nil).wants(".note", "Brought the finding back.")
	archived(false)
	p.change(path+"/feedback", url.Values{"feedback": {"NOT_USEFUL"}}).wants("#main", "Marked not useful")
	if r := p.post(path+"/feedback", url.Values{"feedback": {"BAD"}}); r.Code != http.StatusBadRequest {
		t.Errorf("unknown feedback: %d", r.Code)
	}

	reader := b.as(access.RoleReadOnly)
	if r := reader.page(path); r.has("#main form") || r.has(`a[href=`+path+`/suppress]`) {
		t.Error("a reader is offered changes")
	}
	if r := reader.post(path+"/archive", nil); r.Code != http.StatusForbidden {
		t.Errorf("a reader archives: %d", r.Code)
	}
	archived(false)
}

func TestSuppress(t *testing.T) {
	b := newBed(t)
	f := execFinding(b, "web-0", "eve", b.now)
	old := execFinding(b, "web-5", "eve", b.now.AddDate(0, 0, -91))
	put := []*finding.Finding{f, execFinding(b, "web-1", "eve", b.now.AddDate(0, 0, -80)), execFinding(b, "web-2", "mallory", b.now), old}
	put[1].Service.Archived = true
	b.put(put...)
	path := "/console/findings/" + f.ID
	p := b.as(access.RoleAnalyst)
	r := p.page(path + "/suppress")
	r.wants("#main", "2 findings", "Kubernetes user is eve", "Namespace is kube-system")
	if n := len(r.all("input[name=on][checked]")); n != 3 { // type, user, namespace
		t.Errorf("%d criteria are chosen", n)
	}
	// Another choice is previewed, and what was typed stays.
	r = p.page(path + "/suppress?" + url.Values{"preview": {"1"}, "on": {"type"}, "name": {"my-rule"}, "reason": {"a drill"}}.Encode())
	r.wants("#main", "3 findings")
	if got := attr(r.one("input[name=reason]"), "value"); got != "a drill" {
		t.Errorf("the reason became %q", got)
	}
	if r = p.page(path + "/suppress?preview=1"); !r.has("button[disabled]") {
		t.Error("a rule without criteria is offered")
	}

	user := "resource.kubernetesDetails.kubernetesUserDetails.username"
	form := func(change string, values ...string) url.Values {
		v := url.Values{"on": {"type", user}, "name": {"my-rule"}, "owner": {"ops"}, "reason": {"a drill"}, "expires": {"2026-12-31"}, "archive": {"1"}}
		if change != "" {
			v[change] = values
		}
		return v
	}
	for what, wrong := range map[string]url.Values{
		"Choose at least one criterion": form("on"), "Say who answers for it": form("owner"), "It would have expired already": form("expires", "2020-01-01"), "name": form("name", "no spaces here"), "When it expires": form("expires", "soon"),
		// What is not true of the finding is no criterion of the rule.
		"Choose at least one": form("on", "severity", "nonsense"),
	} {
		if r := p.post(path+"/suppress", wrong); r.Code != http.StatusOK || !strings.Contains(r.text("[role=alert]"), what) {
			t.Errorf("%s: %d %q", what, r.Code, r.text("[role=alert]"))
		}
	}
	if filters, err := b.store.Filters(t.Context(), b.detector); err != nil || len(filters) > 0 {
		t.Fatalf("rules were made: %v, %v", filters, err)
	}
	r = p.change(path+"/suppress", form(""))
	r.wants(".note", "Made the suppression rule my-rule")
	r.wants("#main", "Archived")
	got, err := b.store.Filter(t.Context(), b.detector, "my-rule")
	if err != nil || got.Action != "ARCHIVE" || got.Tags[finding.TagOwner] != "ops" || got.Tags[finding.TagReason] != "a drill" || got.Tags[finding.TagExpires] != "2026-12-31" {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(got.Criteria) != 2 || got.Criteria[user].Equals[0] != "eve" || got.Criteria["type"].Equals[0] != f.Type {
		t.Errorf("criteria: %+v", got.Criteria)
	}
	p.post(path+"/suppress", form("")).wants("[role=alert]", "already") // the name is taken
	if r := b.as(access.RoleReadOnly).post(path+"/suppress", form("name", "another")); r.Code == http.StatusSeeOther || r.text("[role=alert]") == "" {
		t.Errorf("a reader makes rules: %d", r.Code)
	}
	if filters, err := b.store.Filters(t.Context(), b.detector); err != nil || len(filters) != 1 {
		t.Errorf("%d rules, %v", len(filters), err)
	}
}

// sequenceFinding is the finding of an attack of three steps, of which one is
// a finding that is there.
func sequenceFinding(b *bed, step *finding.Finding) *finding.Finding {
	at := func(min int) *finding.Epoch { return &finding.Epoch{Time: b.now.Add(time.Duration(min) * time.Minute)} }
	f := b.sample("AttackSequence:EKS/CompromisedCluster")
	tactic := func(name string) []finding.Indicator {
		return []finding.Indicator{{Key: "ATTACK_TACTIC", Values: []string{name}}}
	}
	f.Service.Detection.Sequence = &finding.Sequence{UID: f.ID, Description: "An attack",
		Actors: []finding.SequenceActor{{ID: "principal:AROA", User: &finding.User{Name: "alice", UID: "AROA", Type: "AssumedRole"}}},
		Resources: []finding.ResourceV2{
			{UID: account + "/r/prod/kube-system/web-0", ResourceType: "KUBERNETES_WORKLOAD", Name: "web-0", Data: &finding.ResourceData{KubernetesWorkload: &finding.KubernetesWorkload{Namespace: "kube-system", Type: "pods"}}},
			{UID: "arn:aws:s3:::reports", ResourceType: "S3_BUCKET", Name: "reports"}},
		Endpoints: []finding.NetworkEndpoint{{ID: "203.0.113.7", IP: "203.0.113.7"}},
		Signals: []finding.SequenceSignal{
			{UID: "gone", Type: "FINDING", Name: "Exfiltration:S3/MaliciousIPCaller", FirstSeenAt: at(50), LastSeenAt: at(50), Severity: 8, ActorIDs: []string{"principal:AROA"}, ResourceUIDs: []string{"arn:aws:s3:::reports"}, EndpointIDs: []string{"203.0.113.7"}, SignalIndicators: tactic("Exfiltration")},
			{UID: step.ID, Type: "FINDING", Name: step.Type, FirstSeenAt: at(0), LastSeenAt: at(5), Severity: 8, Count: 3, ResourceUIDs: []string{account + "/r/prod/kube-system/web-0"}, EndpointIDs: []string{"203.0.113.7"}, SignalIndicators: tactic("Execution")},
			{UID: "weak", Type: "CLOUD_TRAIL", Name: "CallsRefused", FirstSeenAt: at(20), LastSeenAt: at(20), ActorIDs: []string{"principal:AROA"}, SignalIndicators: tactic("Discovery"),
				Activities: []finding.Activity{{Type: "API_CALL", API: &finding.APICall{Operation: "ListBuckets"}}}},
		}}
	f.Service.AdditionalInfo = &finding.ServiceAdditionalInfo{Value: `{"why": "3 stages add up to 8", "stages": [{"stage": "Execution", "signal": "x", "surprise": 3.3, "time": "2026-03-04T12:30:00Z", "finding": true}],
		"path": [{"from": "pod:` + account + `/r/prod/kube-system/web-0", "how": "assumed", "to": "principal:AROA:session"}], "signalsLeftOut": 2}`}
	f.Title, f.Description = "Potential compromise of EKS cluster prod", "An attack"
	return f
}

func TestSequence(t *testing.T) {
	b := newBed(t)
	step := execFinding(b, "web-0", "eve", b.now)
	f := sequenceFinding(b, step)
	step.AssociatedAttackSequenceARN = f.ARN
	other := execFinding(b, "web-1", "mallory", b.now)
	other.AssociatedAttackSequenceARN = f.ARN
	b.put(step, other, f)
	p := b.as(access.RoleReadOnly)
	r := p.page("/console/sequences")
	r.wants("article", "Potential compromise of EKS cluster prod", "3 signals")
	if !r.has("article a[href=/console/findings/" + f.ID + "]") {
		t.Error("the list does not lead to the sequence")
	}
	p.page("/console/sequences?archived=true").wants("#main", "No attack sequence")

	r = p.page("/console/findings/" + f.ID)
	var order []string
	for _, b := range r.all("ol.signals li.card b") {
		order = append(order, textOf(b))
	}
	if got := strings.Join(order, " "); got != step.Type+" CallsRefused Exfiltration:S3/MaliciousIPCaller" {
		t.Errorf("the steps are %s", got)
	}
	r.wants("ol.signals", "harmless alone", "Discovery")
	r.wants("#main", "3 stages add up to 8", "pod kube-system/web-0 assumed alice", "2 signals more are left out")
	if !r.has("ol.signals a[href=/console/findings/"+step.ID+"]") || r.has("a[href=/console/findings/gone]") {
		t.Error("steps lead to findings that are there, and to no others")
	}
	if n := len(r.all("svg.lanes a[href=/console/findings/" + step.ID + "]")); n != 1 {
		t.Errorf("%d marks lead to the step", n)
	}
	// The page of the step leads back, and to the other step.
	r = p.page("/console/findings/" + step.ID)
	if !r.has(".crumbs a[href=/console/findings/" + f.ID + "]") {
		t.Error("the step does not lead to the sequence")
	}
	r.wants("#main table.list", "same attack sequence")
}

func TestEntities(t *testing.T) {
	b := newBedWith(t, func(o *console.Options) {
		o.Explain = func(asked string) (*intel.Explanation, error) {
			return &intel.Explanation{Asked: asked, Verdict: intel.VerdictListed, Listed: []intel.Listing{{List: "Our list", Names: []string{"botnet"}, Entry: asked}}}, nil
		}
	})
	for i := range 30 {
		b.put(execFinding(b, fmt.Sprintf("web-%d", i), "eve", b.now.Add(-time.Duration(i)*time.Minute)))
	}
	b.put(execFinding(b, "db-0", "mallory", b.now.Add(-time.Hour)))
	p := b.as(access.RoleReadOnly)
	r := p.page("/console/entities")
	if got := textOf(r.all("tbody tr")[0]); !strings.Contains(got, "203.0.113.7") && !strings.Contains(got, "prod") {
		t.Errorf("the first of all is %s", got)
	}
	r = p.page("/console/entities?kind=user")
	if rows := r.all("tbody tr"); len(rows) != 2 || !strings.Contains(textOf(rows[0]), "eve") || !strings.Contains(textOf(rows[0]), "30") {
		t.Errorf("users: %s", r.text("tbody"))
	}
	r = p.page("/console/entities?q=KUBE-SYSTEM/db")
	if rows := r.all("tbody tr"); len(rows) != 1 || !strings.Contains(textOf(rows[0]), "kube-system/db-0") {
		t.Errorf("search: %s", r.text("tbody"))
	}
	p.page("/console/entities?q=nobody").wants("#main", "Nothing of that name")

	r = p.page("/console/entities/user/eve")
	r.wants("#main", "30 findings name it", "Execution:Kubernetes/ExecInKubeSystemPod", "203.0.113.7")
	if n := len(r.all("table.list tbody tr")); n != 25 {
		t.Errorf("%d findings on the page", n)
	}
	next := attr(r.one("a[rel=next]"), "href")
	if r = p.page(next); len(r.all("table.list tbody tr")) != 5 || !r.has("a[rel=prev]") {
		t.Errorf("the next page %s: %s", next, r.text("table.list"))
	}
	r = p.page("/console/entities/address/203.0.113.7")
	r.wants("#main", "31 findings name it", "Listed as a threat", "Our list", "Test list")
	p.page("/console/entities/pod/kube-system%2Fdb-0").wants("#main", "1 finding names it", "mallory")
	p.page("/console/entities/pod/default%2Fdb-0").wants("#main", "No finding names it")
	p.page("/console/entities/domain/nowhere.example").wants("#main", "No finding names it")
	for _, none := range []string{"planet/x", "pod/web-0", "user/"} {
		if r := p.get("/console/entities/" + none); r.Code != http.StatusNotFound {
			t.Errorf("%s: %d", none, r.Code)
		}
	}
}

// TestEntitiesOfMember: who is of a member account sees what its findings name.
func TestEntitiesOfMember(t *testing.T) {
	b := newBed(t)
	mine := execFinding(b, "web-0", "eve", b.now)
	theirs := execFinding(b, "web-1", "mallory", b.now)
	mine.AccountID = other
	b.put(mine, theirs)
	p := b.of(access.RoleAdmin, other)
	p.call(http.MethodPost, "/detector", map[string]any{"enable": true}, nil)
	if got := p.page("/console/entities?kind=user").text("tbody"); !strings.Contains(got, "eve") || strings.Contains(got, "mallory") {
		t.Errorf("the member sees %s", got)
	}
	p.page("/console/entities/address/203.0.113.7").wants("#main", "1 finding names it")
	if r := p.page("/console/findings/" + mine.ID); strings.Contains(r.text("#main"), "mallory") {
		t.Error("a related finding is of another account")
	}
	if r := p.get("/console/findings/" + theirs.ID); r.Code != http.StatusNotFound {
		t.Errorf("a finding of another account: %d", r.Code)
	}
}

// TestUsual: what is unusual stands beside what is usual, and the page of the
// one who did it tells the profile, and how much is learned.
func TestUsual(t *testing.T) {
	b := newBed(t)
	f := b.sample("CredentialAccess:IAMUser/AnomalousBehavior")
	text := func(list ...string) finding.AnomalyObject {
		return finding.AnomalyObject{ProfileType: "FREQUENCY", ProfileSubtype: "UNSEEN", Observations: &finding.Observations{Text: list}}
	}
	f.Resource.AccessKeyDetails = &finding.AccessKeyDetails{UserName: "carol", UserType: "IAMUser", AccessKeyID: "AKIACAROL"}
	f.Service.Detection = &finding.Detection{Anomaly: &finding.Anomaly{
		Profiles: map[string]map[string][]finding.AnomalyObject{"userIdentity": {"api": {text("ec2:DescribeInstances", "s3:ListBuckets")}}},
		Unusual:  &finding.AnomalyUnusual{Behavior: map[string]map[string]finding.AnomalyObject{"account": {"api": text("ec2:GetPasswordData")}, "userIdentity": {"api": text("ec2:GetPasswordData")}}},
	}}
	f.Service.AdditionalInfo = &finding.ServiceAdditionalInfo{Value: `{"anomaly": {"score": "34.3", "threshold": "6.0", "values": [{"view": "api", "value": "ec2:GetPasswordData", "share": "27"}]}}`}
	b.put(f)
	err := b.store.Commit(t.Context(), func(tx *store.Tx) error {
		return tx.PutState(account+"/"+region, "learned", []byte(`[{"plane": "cloudtrail", "days": 12, "entities": 40, "since": "2026-02-01T00:00:00Z", "ready": true}]`))
	})
	if err != nil {
		t.Fatal(err)
	}
	p := b.as(access.RoleReadOnly)
	r := p.page("/console/findings/" + f.ID)
	rows := r.all("table tbody tr")
	if got := textOf(rows[0]); got != "who did it API ec2:GetPasswordData never seen before ec2:DescribeInstances , s3:ListBuckets 27 %" {
		t.Errorf("the first row is %q", got)
	}
	r.wants("#main", "The score is 34.3; a finding is due from 6.0.", "aws iam update-access-key --status Inactive --access-key-id=AKIACAROL --user-name=carol")
	r = p.page("/console/entities/principal/carol")
	r.wants("#main", "ec2:DescribeInstances", "cloudtrail", "knows enough")
}

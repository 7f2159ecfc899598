package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/vedette-project/vedette/internal/access"
)

// in is a tab in which somebody is logged in.
func (s *server) in(t testing.TB, chrome context.Context, role access.Role) *tab {
	t.Helper()
	b := s.tab(t, chrome)
	b.login(s.link(role, "alice"))
	return b
}

// rows are the addresses of the findings that a list shows, in their order.
func (b *tab) rows() (out []string) {
	b.Helper()
	b.eval(`[...document.querySelectorAll("table.findings tbody tr a")].map(a => a.getAttribute("href"))`, &out)
	return out
}

// testFilterAndShare: a list is narrowed, and whoever gets its address sees the same.
func testFilterAndShare(t *testing.T, s *server, chrome context.Context) {
	b := s.in(t, chrome, access.RoleAnalyst)
	b.follow(`.side a[href="/console/findings"]`)
	all := b.rows()
	b.click(`input[name=severity][value=High]`)
	b.follow(`form.filter button.main`)
	var severities []string
	b.eval(`[...new Set([...document.querySelectorAll("table.findings .sev")].map(e => e.innerText.trim().split(/\s/)[0]))]`, &severities)
	if !slices.Equal(severities, []string{"High"}) || !strings.Contains(b.path(), "severity=High") {
		t.Errorf("at %s the severities are %v", b.path(), severities)
	}
	b.click(`.tools details summary`)
	b.fill(`#field`, "resource.resourceType")
	b.fill(`#value`, "EKSCluster")
	b.follow(`form:has(#field) button`)
	if n := b.count(`.chips a.chip:not(.clear)`); n != 2 {
		t.Errorf("%d conditions are shown", n)
	}
	shared, rows := b.path(), b.rows()
	want := s.findings("resource.resourceType", "EKSCluster")
	if len(rows) == 0 || len(rows) >= len(all) && len(all) < 50 || len(rows) > len(want) {
		t.Errorf("%d of %d are shown", len(rows), len(want))
	}
	friend := s.in(t, chrome, access.RoleReadOnly)
	friend.open(shared)
	if got := friend.rows(); !slices.Equal(got, rows) {
		t.Errorf("a friend sees %v in the place of %v", got, rows)
	}
	if friend.count(`button[value=archive]`) > 0 {
		t.Error("a reader is offered to archive")
	}
	b.follow(`.chips a.chip:not(.clear)`)
	if n := b.count(`.chips a.chip:not(.clear)`); n != 1 {
		t.Errorf("%d conditions are left", n)
	}

	b.open("/console/findings?q=" + url.QueryEscape("kube-system"))
	if len(b.rows()) == 0 || !strings.Contains(b.text("main"), "kube-system") {
		t.Errorf("a search finds nothing\nat %s", b.where())
	}
	b.open("/console/findings?q=nosuchnameanywhere")
	b.says("Nothing matches")
}

// testOpen: what happened, why, and what to do is on the page of a finding.
func testOpen(t *testing.T, s *server, chrome context.Context) {
	id := s.findings("type", "Execution:Kubernetes/ExecInKubeSystemPod")[0]
	f := s.finding(id)
	b := s.in(t, chrome, access.RoleReadOnly)
	b.open("/console/findings?type=" + url.QueryEscape(*f.Type))
	b.follow(`table.findings a[href="/console/findings/` + id + `"]`)
	b.says(*f.Title, *f.Type, "What to do", "Evidence", *f.Resource.EksClusterDetails.Name)
	if b.count("mark") == 0 {
		t.Error("nothing of the evidence is marked")
	}
	if b.count(`form[action$="/archive"]`) > 0 {
		t.Error("a reader is offered to archive")
	}
	var json struct{ ID string }
	b.eval(`fetch(document.querySelector("a[href$='.json']").href).then(r => r.json())`, &json)
	if json.ID != id {
		t.Errorf("the JSON is of %q", json.ID)
	}
	if status := b.visit("/console/findings/00000000000000000000000000000000"); status != 404 {
		t.Errorf("a finding that is not there: %d", status)
	}
	b.expect("404")
	b.says("Not found")
}

func testArchive(t *testing.T, s *server, chrome context.Context) {
	id := s.findings("type", "Discovery:Kubernetes/SuccessfulAnonymousAccess", "Policy:Kubernetes/AnonymousAccessGranted")[0]
	b := s.in(t, chrome, access.RoleAnalyst)
	b.open("/console/findings/" + id)
	b.follow(`form[action$="/archive"] button`)
	b.says("Archived the finding.")
	if !aws.ToBool(s.finding(id).Service.Archived) {
		t.Error("it is not archived")
	}
	b.open("/console/findings?type=" + url.QueryEscape(*s.finding(id).Type))
	if slices.Contains(b.rows(), "/console/findings/"+id) {
		t.Error("the list still shows it")
	}
	b.open("/console/findings/" + id)
	if strings.Contains(b.text("main"), "Archived the finding.") {
		t.Error("the note is shown again")
	}
	b.follow(`form[action$="/unarchive"] button`)
	b.follow(`form[action$="/feedback"] button`)
	b.says("Marked useful")
	if f := s.finding(id); aws.ToBool(f.Service.Archived) || aws.ToString(f.Service.UserFeedback) != "USEFUL" {
		t.Errorf("archived %v, feedback %q", f.Service.Archived, aws.ToString(f.Service.UserFeedback))
	}
}

func testBulk(t *testing.T, s *server, chrome context.Context) {
	b := s.in(t, chrome, access.RoleAnalyst)
	b.open("/console/findings?severity=Low&sort=severity")
	before := b.rows()
	if len(before) < 3 {
		t.Fatalf("only %d findings", len(before))
	}
	if !b.is(`document.querySelector("button[value=archive]").disabled`) {
		t.Error("nothing is chosen, and it can be archived")
	}
	for i := range 2 {
		b.click(fmt.Sprintf(`table.findings tbody tr:nth-child(%d) input[name=id]`, i+1))
	}
	b.waits(`document.querySelector("#chosen").innerText === "2 chosen"`)
	b.follow(`button[value=archive]`)
	b.says("2 findings")
	if !strings.Contains(b.path(), "severity=Low") {
		t.Errorf("afterwards it is at %s", b.path())
	}
	rows := b.rows()
	for i, href := range before {
		id := strings.TrimPrefix(href, "/console/findings/")
		if archived := aws.ToBool(s.finding(id).Service.Archived); archived != (i < 2) || slices.Contains(rows, href) == archived && len(before) < 50 {
			t.Errorf("finding %d: archived %v", i, archived)
		}
	}
}

// testSuppress: what a suppression would have hidden is seen before it is made.
func testSuppress(t *testing.T, s *server, chrome context.Context) {
	id := s.findings("type", "Policy:Kubernetes/ExposedDashboard")[0]
	b := s.in(t, chrome, access.RoleAnalyst)
	b.open("/console/findings/" + id)
	b.follow(`a[href$="/suppress"]`)
	b.says("What it would have hidden in 90 days")
	if b.count(`input[name=on]:checked`) == 0 {
		t.Error("no criterion is chosen")
	}
	b.run(chromedp.Evaluate(`document.querySelectorAll("input[name=on]").forEach(e => e.checked = e.value === "type")`, nil))
	b.follow(`form[action$="/suppress"] button:not(.main)`)
	n := len(s.findings("type", "Policy:Kubernetes/ExposedDashboard"))
	b.says(fmt.Sprintf("%d finding", n))
	b.fill(`#name`, "dashboards")
	b.fill(`#owner`, "platform team")
	b.fill(`#reason`, "they are behind the gateway")
	b.follow(`button[formmethod=post]`)
	b.open("/console/suppressions")
	b.says("dashboards", "platform team", "they are behind the gateway")
	f, err := s.api.GetFilter(t.Context(), &guardduty.GetFilterInput{DetectorId: &s.detector, FilterName: aws.String("dashboards")})
	if err != nil {
		t.Fatal(err)
	}
	if f.Action != types.FilterActionArchive || !slices.Equal(f.FindingCriteria.Criterion["type"].Equals, []string{"Policy:Kubernetes/ExposedDashboard"}) {
		t.Errorf("the filter is %v %v", f.Action, f.FindingCriteria.Criterion)
	}
}

// testSequence: an attack is read step by step, and each step leads to its finding.
func testSequence(t *testing.T, s *server, chrome context.Context) {
	b := s.in(t, chrome, access.RoleReadOnly)
	b.follow(`.side a[href="/console/sequences"]`)
	if b.count(`article.seq`) == 0 {
		t.Fatalf("there is no sequence\nat %s", b.where())
	}
	b.follow(`article.seq h2 a`)
	sequence := b.path()
	if n := b.count(`ol.signals > li`); n < 3 {
		t.Errorf("it has %d steps", n)
	}
	if b.count(`main svg title`) == 0 {
		t.Error("it has no picture, or one without a title")
	}
	b.follow(`ol.signals a[href^="/console/findings/"]`)
	b.follow(`.crumbs a[href^="/console/findings/"]`)
	if b.path() != sequence {
		t.Errorf("the step leads back to %s", b.path())
	}
}

// testEntity: from a finding to who did it, and to what else he did.
func testEntity(t *testing.T, s *server, chrome context.Context) {
	id := s.findings("type", "UnauthorizedAccess:IAMUser/MaliciousIPCaller", "Discovery:Kubernetes/MaliciousIPCaller")[0]
	b := s.in(t, chrome, access.RoleReadOnly)
	b.open("/console/findings/" + id)
	var name string
	b.eval(`document.querySelector("[aria-label='Named by this finding'] a bdi").innerText`, &name)
	b.follow(`[aria-label="Named by this finding"] a`)
	if got := b.text("h1"); !strings.Contains(got, strings.TrimSuffix(name, "…")) {
		t.Errorf("the page of %q is about %q", name, got)
	}
	if b.count(`main table a[href="/console/findings/`+id+`"]`) == 0 {
		t.Errorf("it does not name the finding\nat %s", b.where())
	}
	b.open("/console/entities")
	if b.count("main table tbody tr") < 5 {
		t.Errorf("few entities\nat %s", b.where())
	}
}

// testMatrix: from a technique that was seen to its findings.
func testMatrix(t *testing.T, s *server, chrome context.Context) {
	b := s.in(t, chrome, access.RoleReadOnly)
	b.follow(`.side a[href="/console/matrix"]`)
	if b.count("table.matrix td:not(.void)") < 50 {
		t.Errorf("few techniques\nat %s", b.where())
	}
	b.follow(`table.matrix a[href^="/console/findings"]`)
	if len(b.rows()) == 0 {
		t.Errorf("a technique that was seen has no findings\nat %s", b.where())
	}
}

// testExport: what is shown is what the file has.
func testExport(t *testing.T, s *server, chrome context.Context) {
	b := s.in(t, chrome, access.RoleReadOnly)
	dir := t.TempDir()
	whole := cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
	if err := browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithBrowserContextID(b.room).WithDownloadPath(dir).Do(whole); err != nil {
		t.Fatal(err)
	}
	b.open("/console/findings?severity=Critical&archived=all")
	n := len(b.rows())
	if n == 0 || n >= 50 {
		t.Fatalf("%d findings on the page", n)
	}
	b.click(`#export summary`)
	for _, want := range []struct {
		format, has string
		lines       int
	}{{"csv", "severityLabel", n + 1}, {"jsonl", `"schemaVersion"`, n}, {"ocsf", `"class_uid"`, n}} {
		b.click(`#export a[href*="` + want.format + `"]`)
		var text []byte
		s.until("the file is there", func() bool {
			list, err := filepath.Glob(filepath.Join(dir, "vedette-findings-*"))
			if err != nil || len(list) != 1 || strings.HasSuffix(list[0], ".crdownload") {
				return false
			}
			if text, err = os.ReadFile(list[0]); err != nil {
				t.Fatal(err)
			}
			return os.Remove(list[0]) == nil
		})
		if got := strings.Count(string(text), "\n"); got != want.lines || !strings.Contains(string(text), want.has) {
			t.Errorf("%s has %d lines, want %d: %.200s", want.format, got, want.lines, text)
		}
	}
}

// testLive: what is new is told, and the list stays as it is.
func testLive(t *testing.T, s *server, chrome context.Context) {
	b := s.in(t, chrome, access.RoleReadOnly)
	b.open("/console/findings")
	rows := b.rows()
	s.strike("newcomer", "web-1")
	b.waits(`document.querySelector("#live a")?.innerText.includes("new finding")`)
	if !slices.Equal(b.rows(), rows) {
		t.Error("the list moved")
	}
	b.follow(`#live a`)
	if got := b.rows(); slices.Contains(rows, got[0]) || !slices.Contains(s.findings("resource.kubernetesDetails.kubernetesUserDetails.username", "newcomer"), strings.TrimPrefix(got[0], "/console/findings/")) {
		t.Errorf("the new finding is not shown\nat %s", b.where())
	}
}

// testKeys: a key is made, lets in, and ends what it began when it is revoked.
func testKeys(t *testing.T, s *server, chrome context.Context) {
	b := s.in(t, chrome, access.RoleAdmin)
	b.follow(`.side a[href="/console/keys"]`)
	b.run(chromedp.SetValue(`#k-role`, "read-only", chromedp.ByQuery))
	b.fill(`#k-comment`, "for a journey")
	b.follow(`form:has(#k-comment) button`)
	id, secret := b.text("#made-id"), b.text("#made-secret")
	other := s.tab(t, chrome)
	other.open("/console/login")
	other.fill("#key", id)
	other.fill("#secret", "wrong")
	other.follow("form button.main")
	other.expect("403")
	other.says("its secret is another one")
	other.fill("#secret", secret)
	other.follow("form button.main")
	other.says("Overview")
	if other.count(`.side a[href="/console/keys"]`) > 0 {
		if status := other.visit("/console/keys"); status != 403 {
			t.Errorf("a reader sees the keys: %d", status)
		}
		other.expect("403")
	}
	b.open("/console/keys")
	if strings.Contains(b.text("body"), secret) {
		t.Error("the secret is shown again")
	}
	b.follow(`form[action="/console/keys/` + id + `/revoke"] button`)
	if len(b.dialogs) != 1 || !strings.Contains(b.dialogs[0], "Revoke "+id) {
		t.Errorf("it asked %q", b.dialogs)
	}
	other.open("/console/findings")
	if !strings.HasPrefix(other.path(), "/console/login") {
		t.Errorf("with a revoked key somebody is at %s", other.path())
	}
	b.open("/console/audit")
	b.says("CreateAccessKey", "RevokeAccessKey")
}

// testPhone: the same on a phone, with a finger.
func testPhone(t *testing.T, s *server, chrome context.Context) {
	b := s.tab(t, chrome)
	b.phone()
	b.login(s.link(access.RoleAnalyst, "alice"))
	if b.is(`document.querySelector(".side").offsetParent !== null`) {
		t.Error("the wide navigation is shown")
	}
	b.click(`details.menu summary`)
	b.follow(`details.menu a[href="/console/findings"]`)
	b.click(`table.findings tbody tr:nth-child(2) input[name=id]`)
	b.follow(`table.findings tbody tr a`)
	if !b.is(`document.documentElement.scrollWidth <= innerWidth`) {
		t.Errorf("the page is wider than the phone\nat %s", b.where())
	}
	b.follow(`form[action$="/feedback"] button`)
	b.says("Marked useful")
}

// testCoverage: a source that fell silent is told of, and every record is accounted for.
func testCoverage(t *testing.T, chrome context.Context) {
	s := start(t, quietSoon)
	s.enable()
	s.strike("mallory", "web-1")
	s.push("/ingest/k8s-audit/prod", `{"kind":"Event","apiVersion":"audit.k8s.io/v1"}`+"\n"+auditRecord("mallory", "web-2", time.Now()))
	s.settle()
	b := s.in(t, chrome, access.RoleReadOnly)
	b.follow(`.side a[href="/console/coverage"]`)
	s.until("the source is told to be ailing", func() bool {
		b.open("/console/coverage")
		return strings.Contains(b.text("#sources"), "unhealthy")
	})
	b.says("balanced", "malformed", "prod", "Not covered")
	b.open("/console/")
	b.says("0 of 1 source is well", "1 record was not judged")
}

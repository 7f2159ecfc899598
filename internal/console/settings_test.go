package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// ring keeps keys in a store, as the server does, unsealed.
type ring struct{ bed *bed }

func (r ring) Keys(ctx context.Context) ([]store.Key, error) { return r.bed.store.Keys(ctx) }

func (r ring) CreateKey(ctx context.Context, by console.Actor, role access.Role, account, comment string) (access.Key, error) {
	k, err := access.NewKey(role)
	if err != nil {
		return k, err
	}
	k.Account = account
	return k, r.bed.store.PutKey(ctx, store.Key{ID: k.ID, Role: string(role), Sealed: []byte("x"), CreatedAt: r.bed.now, Comment: comment, Account: account},
		store.AuditEntry{At: r.bed.now, Actor: by.Name, Role: by.Role, Source: by.Source, Operation: "CreateAccessKey", Target: k.ID, Status: 200})
}

func (r ring) RevokeKey(ctx context.Context, by console.Actor, id string) error {
	return r.bed.store.RevokeKey(ctx, id, store.AuditEntry{At: r.bed.now, Actor: by.Name, Operation: "RevokeAccessKey", Target: id, Status: 200})
}

func (r ring) LoginLink(ctx context.Context, _ console.Actor, role access.Role, name, account string) (string, error) {
	token := console.NewToken()
	return token, r.bed.store.PutSession(ctx, token, store.Session{Name: name, Role: string(role), Account: account, Expires: r.bed.now.Add(console.LinkLife)}, true)
}

// keyBed is a bed whose console can make keys.
func keyBed(t *testing.T) *bed {
	r := &ring{}
	b := newBedWith(t, func(o *console.Options) { o.Keyring = r })
	r.bed = b
	return b
}

func TestKeys(t *testing.T) {
	b := keyBed(t)
	p := b.as(access.RoleAdmin)
	made := p.post("/console/keys", url.Values{"role": {"analyst"}, "comment": {"<b>bob</b>"}})
	id, secret := made.text("#made-id"), made.text("#made-secret")
	if made.Code != http.StatusOK || !access.ValidID(id) || len(secret) != 40 {
		t.Fatalf("%d %q %q", made.Code, id, secret)
	}
	if got := made.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("the page with the secret may be kept: %q", got)
	}
	list := p.page("/console/keys")
	list.wants("table", id, "analyst", "<b>bob</b>", "in force")
	if strings.Contains(list.Body.String(), secret) {
		t.Error("the secret is shown again")
	}
	p.change("/console/keys/"+id+"/revoke", nil).wants("p.note", "Revoked "+id)
	list = p.page("/console/keys")
	list.wants("table", "revoked")
	if list.has("form[action=/console/keys/" + id + "/revoke]") {
		t.Error("a revoked key can be revoked again")
	}
	if r := p.post("/console/keys/VDTAAAAAAAAAAAAAAAAA/revoke", nil); r.Code != http.StatusNotFound {
		t.Errorf("a key that is not there: %d", r.Code)
	}
	p.page("/console/audit").wants("table", "CreateAccessKey", "RevokeAccessKey", "test", id)
}

func TestKeysFormsSayWhatIsWrong(t *testing.T) {
	b := keyBed(t)
	p := b.as(access.RoleAdmin)
	for _, tt := range []struct{ path, form, want string }{
		{"/console/keys", "role=king", "Choose a role"},
		{"/console/keys", "role=admin&account=12", "12 digits"},
		{"/console/keys", "role=ingest&account=222222222222", "belongs to no account"},
		{"/console/keys", "role=admin&comment=a%E2%80%AEb", "cannot be seen"},
		{"/console/keys/links", "role=admin", "whom the link is for"},
		{"/console/keys/links", "role=ingest&name=x", "cannot log in"},
	} {
		form, err := url.ParseQuery(tt.form)
		if err != nil {
			t.Fatal(err)
		}
		r := p.post(tt.path, form)
		if r.Code != http.StatusBadRequest {
			t.Errorf("%s %s: %d", tt.path, tt.form, r.Code)
		}
		r.wants("p.problem", tt.want)
	}
	if keys, err := b.store.Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("%d keys were made, %v", len(keys), err)
	}
}

func TestLoginLink(t *testing.T) {
	b := keyBed(t)
	made := b.as(access.RoleAdmin).post("/console/keys/links", url.Values{"role": {"read-only"}, "name": {"dana"}})
	made.wants("section.made", "dana")
	_, token, ok := strings.Cut(made.text("#made-link"), "/console/login?link=")
	if !ok {
		t.Fatal(made.text("#made-link"))
	}
	if s, err := b.store.Link(t.Context(), token); err != nil || s.Name != "dana" || s.Role != "read-only" {
		t.Errorf("%+v, %v", s, err)
	}
	b.as(access.RoleAdmin).post("/console/keys/links", url.Values{"role": {"admin"}, "name": {"oidc:alice@example.com"}}).wants("body", "A name has no colon.")
}

// refused are pages and changes that only some may ask for.
func TestSettingsAreRefused(t *testing.T) {
	b := keyBed(t)
	own := b.as(access.RoleAdmin)
	own.call(http.MethodPost, "/detector/"+b.detector+"/filter", map[string]any{"name": "mine", "findingCriteria": map[string]any{"criterion": map[string]any{"type": map[string]any{"equals": []string{"x"}}}}}, nil)
	member := b.of(access.RoleAdmin, other)
	member.call(http.MethodPost, "/detector", map[string]any{"enable": true}, nil)
	for _, tt := range []struct {
		who          *person
		method, path string
	}{
		{b.as(access.RoleAnalyst), "GET", "keys"}, {b.as(access.RoleReadOnly), "GET", "keys"}, {member, "GET", "keys"},
		{b.as(access.RoleAnalyst), "POST", "keys"}, {member, "POST", "keys"}, {member, "POST", "keys/links"}, {member, "POST", "keys/VDTAAAAAAAAAAAAAAAAA/revoke"},
		{b.as(access.RoleAnalyst), "GET", "audit"}, {b.as(access.RoleReadOnly), "GET", "audit"},
		{b.as(access.RoleReadOnly), "GET", "suppressions/new"}, {b.as(access.RoleReadOnly), "POST", "suppressions"}, {b.as(access.RoleReadOnly), "POST", "suppressions/mine"},
		{b.as(access.RoleReadOnly), "POST", "suppressions/mine/delete"}, {member, "POST", "suppressions"},
		{b.as(access.RoleAnalyst), "POST", "lists"}, {b.as(access.RoleAnalyst), "POST", "lists/ipset/1"}, {b.as(access.RoleAnalyst), "POST", "lists/ipset/1/delete"}, {member, "POST", "lists"},
		{member, "GET", "rules"}, {b.as(access.RoleAnalyst), "POST", "rules/1"}, {member, "POST", "rules/1"},
		{member, "GET", "destinations"}, {member, "GET", "destinations/targets/x"}, {b.as(access.RoleAnalyst), "POST", "destinations"}, {b.as(access.RoleAnalyst), "POST", "destinations/1/delete"},
		{b.as(access.RoleAnalyst), "POST", "members"}, {b.as(access.RoleAnalyst), "POST", "members/222222222222"}, {b.as(access.RoleAnalyst), "POST", "members/organization"},
		{b.as(access.RoleAnalyst), "POST", "detector/settings"},
	} {
		if r := tt.who.do(tt.method, "/console/"+tt.path, strings.NewReader("do=invite&mode=LIVE")); r.Code != http.StatusForbidden {
			t.Errorf("%s %s as %s %s: %d", tt.method, tt.path, tt.who.key.Role, tt.who.key.Account, r.Code)
		}
	}
	if r := member.post("/console/members/organization", url.Values{"do": {"enable"}}); r.Code < 400 {
		t.Errorf("a member began an organization: %d", r.Code)
	}
}

func TestSettingsOfferWhatMayBeDone(t *testing.T) {
	b := keyBed(t)
	for _, path := range []string{"suppressions", "rules", "lists", "destinations", "members", "detector", "usage", "coverage", "matrix", "catalogue"} {
		page := b.as(access.RoleReadOnly).page("/console/" + path)
		for _, f := range page.all("main form[method=post]") {
			if path != "detector" || !page.has("fieldset[disabled]") {
				t.Errorf("%s offers %s to somebody who may only read", path, attr(f, "action"))
			}
		}
	}
}

func TestSuppressions(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAnalyst)
	form := url.Values{
		"name": {"scanner"}, "rank": {"1"}, "action": {"ARCHIVE"}, "criteria": {`{"criterion": {"type": {"equals": ["Recon:EC2/Portscan"]}}}`},
		"owner": {"sec@example.org"}, "reason": {"our own <scanner>"}, "expires": {"2026-12-31"}, "description": {"d"},
	}
	for name, wrong := range map[string]struct{ field, value, want string }{
		"no owner":    {"owner", "", "who answers for it"},
		"no JSON":     {"criteria", "{", "no JSON"},
		"no field":    {"criteria", `{"criterion": {"nonsense": {"equals": ["x"]}}}`, "nonsense"},
		"bad expiry":  {"expires", "tomorrow", "neither a date"},
		"past expiry": {"expires", "2020-01-01", "expired already"},
		"bad name":    {"name", "a b c", "name"},
	} {
		with := url.Values{}
		for k, v := range form {
			with[k] = v
		}
		with.Set(wrong.field, wrong.value)
		r := p.post("/console/suppressions", with)
		if r.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, r.Code)
		}
		r.wants("p.problem", wrong.want)
		if got := attr(r.one("#s-reason"), "value"); got != "our own <scanner>" {
			t.Errorf("%s: what was typed is gone: %q", name, got)
		}
	}
	p.change("/console/suppressions", form).wants("p.note", "Made scanner")
	b.commit(func(tx *store.Tx) error {
		return tx.AddHidden(store.Hidden{DetectorID: b.detector, Filter: "scanner", Type: "Recon:EC2/Portscan", Count: 41, First: b.now, Last: b.now})
	})
	p.page("/console/suppressions").wants("table", "scanner", "active", "sec@example.org", "our own <scanner>", "2026-12-31", "41")

	form.Set("expires", "")
	form.Set("reason", "another")
	form.Set("rank", "7")
	p.change("/console/suppressions/scanner", form).wants("p.note", "Changed scanner")
	f, err := b.store.Filter(t.Context(), b.detector, "scanner")
	if err != nil || f.Rank != 7 || f.Tags[finding.TagReason] != "another" || f.Tags[finding.TagOwner] != "sec@example.org" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, there := f.Tags[finding.TagExpires]; there {
		t.Error("an expiry that was taken away is still there")
	}
	page := p.page("/console/suppressions/scanner")
	page.wants("main", "41 findings", "Recon:EC2/Portscan")
	if links := page.all("dl.facts a"); len(links) != 1 || !strings.Contains(attr(links[0], "href"), "type=Recon%3AEC2%2FPortscan") {
		t.Error("there is no link to the findings that fit")
	}
	p.change("/console/suppressions/scanner/delete", nil).wants("p.note", "Deleted scanner")
	if r := p.get("/console/suppressions/scanner"); r.Code != http.StatusNotFound {
		t.Errorf("a deleted suppression: %d", r.Code)
	}
	b.as(access.RoleAdmin).page("/console/audit?operation=createfilter").wants("table", "CreateFilter", "test", "analyst")
}

func TestLists(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAdmin)
	form := url.Values{"kind": {"threatintelset"}, "name": {"bad ones"}, "location": {"s3://bucket/key.txt"}, "format": {"TXT"}, "activate": {"1"}}
	p.change("/console/lists", form).wants("p.note", "Made the list")
	page := p.page("/console/lists")
	page.wants("article.list", "bad ones", "is being read", "s3://bucket/key.txt")
	path := strings.TrimSuffix(attr(page.all("article.list form")[0], "action"), "/delete")
	p.change(path, url.Values{"do": {"deactivate"}}).wants("article.list", "is being taken out")
	p.change(path, url.Values{"name": {"worse ones"}, "location": {"s3://bucket/other.txt"}}).wants("article.list", "worse ones", "other.txt")
	form.Set("location", "ftp://x")
	r := p.post("/console/lists", form)
	if r.Code != http.StatusBadRequest || attr(r.one("#li-name"), "value") != "bad ones" {
		t.Errorf("a bad location: %d, and the name is %q", r.Code, attr(r.one("#li-name"), "value"))
	}
	r.wants("p.problem", "location")
	p.change(path+"/delete", nil).wants("p.note", "being deleted")
	if r := p.post("/console/lists/nonsense/1", nil); r.Code != http.StatusNotFound {
		t.Errorf("an unknown kind: %d", r.Code)
	}
}

func TestDestinations(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAdmin)
	r := p.post("/console/destinations", url.Values{"arn": {"nonsense"}})
	r.wants("p.problem", "destinationArn")
	if got := attr(r.one("#d-arn-new"), "value"); r.Code != http.StatusBadRequest || got != "nonsense" {
		t.Errorf("%d, %q", r.Code, got)
	}
	p.change("/console/destinations", url.Values{"arn": {"arn:aws:s3:::bucket/findings"}, "key": {"arn:aws:kms:eu-central-1:111122223333:key/k"}}).wants("article", "is being verified", "bucket/findings")
	page := p.page("/console/destinations")
	page.wants("table", "destination of the API", "nothing sent yet")
	change := attr(page.all("article details form")[0], "action")
	p.change(change, url.Values{"arn": {"arn:aws:s3:::elsewhere"}}).wants("article", "elsewhere")
	p.change(change+"/delete", nil).wants("p.note", "Deleted the destination")
}

func TestMembers(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAdmin)
	p.change("/console/members", url.Values{"account": {other}, "email": {"a@example.org"}, "invite": {"1"}}).wants("table", other, "invited")
	p.post("/console/members", url.Values{"account": {other}, "email": {"a@example.org"}}).wants("p.problem", "already")
	member := b.of(access.RoleAdmin, other)
	member.call(http.MethodPost, "/detector", map[string]any{"enable": true}, nil)
	invited := member.page("/console/members")
	invited.wants("main", account+" invited this one")
	form := url.Values{"do": {"accept"}}
	for _, n := range invited.all("form input[type=hidden]") {
		form.Set(attr(n, "name"), attr(n, "value"))
	}
	member.change("/console/members/administrator", form).wants("main", "Account "+account+" administers this one")
	p.page("/console/members").wants("table", "enabled")
	p.change("/console/members/"+other, url.Values{"do": {"stop"}}).wants("table", "not monitored")
	p.change("/console/members/"+other, url.Values{"do": {"start"}}).wants("table", "enabled")
	p.post("/console/members/"+other, url.Values{"do": {"delete"}}).wants("p.problem", "associated")
	p.change("/console/members/"+other, url.Values{"do": {"disassociate"}}).wants("table", "removed")
	p.change("/console/members/"+other, url.Values{"do": {"delete"}}).wants("main", "There are none")
	p.change("/console/members/organization", url.Values{"do": {"enable"}}).wants("main", "End the organization")
	p.change("/console/members/organization", url.Values{"do": {"auto"}, "auto": {"ALL"}})
	if got := p.page("/console/members").all("#o-auto option[selected]"); len(got) != 1 || attr(got[0], "value") != "ALL" {
		t.Error("the setting of the organization is not shown")
	}
	p.change("/console/members/organization", url.Values{"do": {"disable"}}).wants("main", "Begin an organization")
	if r := p.post("/console/members/"+other, url.Values{"do": {"explode"}}); r.Code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", r.Code)
	}
}

func TestDetectorSettings(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAdmin)
	form := url.Values{"enable": {"1"}, "frequency": {"FIFTEEN_MINUTES"}, "feature:EKS_AUDIT_LOGS": {"1"}, "feature:RUNTIME_MONITORING": {"1"}}
	p.change("/console/detector/settings", form).wants("p.note", "Saved")
	d, err := b.store.Detector(t.Context(), b.detector)
	if err != nil || !d.Enabled || d.Frequency != "FIFTEEN_MINUTES" {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, f := range d.Features {
		if want := form.Has("feature:" + f.Name); f.Enabled != want {
			t.Errorf("%s is %v", f.Name, f.Enabled)
		}
	}
	form.Del("enable")
	p.change("/console/detector/settings", form).wants("dl.facts", "suspended")
	form.Set("feature:EKS_RUNTIME_MONITORING", "1")
	if r := p.post("/console/detector/settings", form); r.Code != http.StatusBadRequest {
		t.Errorf("two features that exclude each other: %d", r.Code)
	}
}

func TestUsage(t *testing.T) {
	b := newBedWith(t, func(o *console.Options) { o.Prices = map[string]float64{"k8s-audit": 2} })
	b.receive(audit(account, "prod"), map[string]int64{"evaluated": 3_000_000})
	b.receive(audit(other, "theirs"), map[string]int64{"evaluated": 500_000})
	page := b.as(access.RoleReadOnly).page("/console/usage?days=7")
	page.wants("main", "3,500,000 records", "$7.00", "theirs", "$1.00")
	if n := len(page.all("svg rect.use-0")); n != 1 {
		t.Errorf("the picture has %d bars, want one", n)
	}
	theirs := b.of(access.RoleReadOnly, other).page("/console/usage")
	theirs.wants("main", "500,000 records", "$1.00")
	if strings.Contains(theirs.text("main"), "prod") {
		t.Error("another account's usage is shown")
	}
}

func TestRules(t *testing.T) {
	b := newBed(t)
	err := b.store.PutRules(t.Context(), []store.RuleInfo{
		{Rule: "one", Version: "v", ID: "00000000-0000-8000-8000-000000000001", Title: "First <rule>", Kind: "rule", Level: "high", Events: []string{"k8s-audit"}, File: "/etc/r.yml", Line: 3},
		{Rule: "two", ID: "00000000-0000-8000-8000-000000000002", Title: "Second", Kind: "builtin", Level: "low", Events: []string{"cloudtrail"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.commit(func(tx *store.Tx) error {
		return tx.AddRuleCounts(0, []store.RuleCount{{Rule: "one", Version: "v", Matched: 17, Found: 4, Last: b.now}})
	})
	p := b.as(access.RoleReadOnly)
	page := p.page("/console/rules")
	page.wants("main", "2 rules in force: 1 of your own, 0 of the rule pack, 1 built in", "First <rule>", "17")
	if got := textOf(page.all("table.list tbody tr")[0]); !strings.Contains(got, "First") {
		t.Errorf("the rule that fired last is not first: %s", got)
	}
	if n := len(p.page("/console/rules?q=second&from=built+in").all("table.list tbody tr")); n != 1 {
		t.Errorf("the filter leaves %d rules", n)
	}
}

// ruleList are rules as the API has them.
type ruleList []api.CustomRule

func (l ruleList) Rules(context.Context) ([]api.CustomRule, error) { return slices.Clone(l), nil }

func TestRuleModes(t *testing.T) {
	const id = "00000000-0000-8000-8000-000000000001"
	b := newBedWith(t, func(o *console.Options) {
		o.API = api.New(api.Options{
			Store: o.Store.(*store.Store), Keys: o.Keys, Account: account, Region: region, Now: o.Now, Logger: o.Log,
			Rules: ruleList{{ID: id, Name: "Web shell", Description: "About <b>shells</b>", Severity: "HIGH", Tactic: "Persistence", Technique: "T1505.003", Expression: "title: Web shell\n"}},
		})
	})
	err := b.store.PutRules(t.Context(), []store.RuleInfo{{Rule: "web", ID: id, Title: "Web shell", Kind: "rule", File: "pack:web.yml", Types: []string{"Persistence:Kubernetes/WebShell.Custom"}}})
	if err != nil {
		t.Fatal(err)
	}
	p := b.as(access.RoleAdmin)
	page := p.page("/console/rules/" + id)
	page.wants("main", "About <b>shells</b>", "HIGH", "rule pack", "title: Web shell", "Persistence:Kubernetes/WebShell.Custom", "on")
	for _, mode := range []struct{ mode, says string }{{"DRY_RUN", "dry run"}, {"LIVE", "on"}, {"DRY_RUN", "dry run"}} {
		p.change("/console/rules/"+id, url.Values{"mode": {mode.mode}}).wants("dl.facts .badge", mode.says)
		modes, _, err := b.store.RuleModes(t.Context())
		if err != nil || len(modes) != 1 || modes[0].Mode != mode.mode {
			t.Fatalf("%+v, %v", modes, err)
		}
	}
	if n := len(p.page("/console/rules?mode=DRY_RUN").all("table.list tbody tr")); n != 1 {
		t.Errorf("%d rules in a dry run", n)
	}
	if r := p.post("/console/rules/"+id, url.Values{"mode": {"OFF"}}); r.Code != http.StatusBadRequest {
		t.Errorf("a mode that there is not: %d", r.Code)
	}
	if r := p.get("/console/rules/nonsense"); r.Code != http.StatusNotFound {
		t.Errorf("a rule that there is not: %d", r.Code)
	}
	if b.as(access.RoleReadOnly).page("/console/rules/" + id).has("main form[method=post]") {
		t.Error("somebody who may only read is offered a mode")
	}
}

func TestCriteriaThatCannotBeSeen(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAnalyst)
	const hostile = "a\u202eb\u0007<c>&\U000e0041"
	p.call(http.MethodPost, "/detector/"+b.detector+"/filter", map[string]any{
		"name": "odd", "findingCriteria": map[string]any{"criterion": map[string]any{"accountId": map[string]any{"equals": []string{hostile}}}},
	}, nil)
	page := p.page("/console/suppressions/odd")
	text := textOf(page.one("#s-criteria"))
	if strings.ContainsAny(text, "\u202e\u0007\U000e0041") {
		t.Errorf("the form holds %q", text)
	}
	p.change("/console/suppressions/odd", url.Values{"criteria": {text}, "rank": {"1"}, "action": {"NOOP"}})
	f, err := b.store.Filter(t.Context(), b.detector, "odd")
	if err != nil || f.Criteria["accountId"].Equals[0] != hostile {
		t.Errorf("saving changed the criteria to %q, %v", f.Criteria["accountId"].Equals, err)
	}
}

func TestNavigationOffersWhatMayBeSeen(t *testing.T) {
	b := keyBed(t)
	for _, tt := range []struct {
		who  *person
		path string
		want bool
	}{
		{b.as(access.RoleAdmin), "keys", true}, {b.as(access.RoleAnalyst), "keys", false}, {b.of(access.RoleAdmin, other), "keys", false},
		{b.as(access.RoleReadOnly), "rules", true}, {b.of(access.RoleAdmin, other), "rules", false}, {b.of(access.RoleAdmin, other), "audit", true},
		{b.as(access.RoleReadOnly), "audit", false}, {b.as(access.RoleReadOnly), "coverage", true},
	} {
		if got := tt.who.page("/console/matrix").has("div.side a[href=/console/" + tt.path + "]"); got != tt.want {
			t.Errorf("%s for %s %s: %v", tt.path, tt.who.key.Role, tt.who.key.Account, got)
		}
	}
}

func TestAuditLog(t *testing.T) {
	b := newBed(t)
	for i := range 120 {
		e := store.AuditEntry{At: b.now, Actor: "somebody", Role: "admin", Account: account, Operation: "CreateFilter", Status: 200}
		if i%2 == 0 {
			e.Operation, e.Account, e.Actor = "ArchiveFindings", other, "else"
		}
		if _, err := b.store.BeginAudit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	p := b.as(access.RoleAdmin)
	seen := 0
	for at := "/console/audit?actor=somebody"; at != ""; {
		page := p.page(at)
		seen += len(page.all("table.list tbody tr"))
		if strings.Contains(page.text("table.list tbody"), "ArchiveFindings") {
			t.Error("the filter lets others through")
		}
		at = ""
		if next := page.all("nav.pages a[rel=next]"); len(next) > 0 {
			at = attr(next[0], "href")
		}
	}
	if seen != 60 {
		t.Errorf("the pages have %d entries, want 60", seen)
	}
	member := b.of(access.RoleAdmin, other).page("/console/audit")
	if text := member.text("table.list"); !strings.Contains(text, "ArchiveFindings") || strings.Contains(text, "CreateFilter") {
		t.Errorf("another account's entries are shown:\n%s", text)
	}
	p.page("/console/audit?from=2026-03-05").wants("main", "No entries")
	p.page("/console/audit?from=nonsense").wants("p.problem", "first day")
}

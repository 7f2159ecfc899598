package console_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/finding"
)

// titles are the titles of the list, in its order.
func titles(r *reply) (out []string) {
	for _, a := range r.all("table.findings tbody tr td a") {
		out = append(out, textOf(a))
	}
	return out
}

// few stores n findings, named from 0 on, the last the newest.
func (b *bed) few(n int, change func(i int, f *finding.Finding)) {
	b.Helper()
	var fs []*finding.Finding
	for i := range n {
		f := b.manyth(i, n)
		f.Title, f.Service.Archived = fmt.Sprintf("finding %d", i), false
		change(i, f)
		fs = append(fs, f)
	}
	b.put(fs...)
}

func TestFindingsFilter(t *testing.T) {
	b := newBed(t)
	b.few(6, func(i int, f *finding.Finding) {
		f.Severity = []float64{9, 8, 5, 2, 8, 5}[i]
		f.Type = []string{"A:B/One", "A:B/One", "A:B/Two", "A:B/Two", "A:B/Three", "A:B/Three"}[i]
		f.Service.Archived = i == 4
		f.Service.Count = int64(10 - i)
		if i == 5 {
			f.AccountID = other
		}
	})
	p := b.as(access.RoleAnalyst)
	for _, tc := range []struct{ query, want string }{
		{"", "5 3 2 1 0"},
		{"archived=true", "4"},
		{"archived=all", "5 4 3 2 1 0"},
		{"severity=Critical&severity=High", "1 0"},
		{"severity=Critical&severity=Low", "3 0"},
		{"type=A:B/One&type=A:B/Two", "3 2 1 0"},
		{"account=" + other, "5"},
		{"f=service.count:gte:9", "1 0"},
		{"f=type:matches:*/T*&archived=all", "5 4 3 2"},
		{"f=type:nmatches:*/T*", "1 0"},
		{"sort=service.count", "5 3 2 1 0"},
		{"sort=-severity", "0 1 5 2 3"},
		{"sort=-severity&type=A:B/One", "0 1"},
		{"q=something", ""}, // titles are not searched
		{"q=/two", "3 2"},
		{"q=A:B+one", "1 0"},
		{"q=" + other, "5"},
		{"q=two&severity=Low", "3"},
		{"q=000000000000000000000000000003", ""},
		{"q=" + fmt.Sprintf("%032x", 3), "3"},
	} {
		got := strings.ReplaceAll(strings.Join(titles(p.page("/console/findings?"+tc.query)), " "), "finding ", "")
		if got != tc.want {
			t.Errorf("?%s: %q, want %q", tc.query, got, tc.want)
		}
	}
}

func TestFindingsChips(t *testing.T) {
	b := newBed(t)
	b.few(2, func(int, *finding.Finding) {})
	p := b.as(access.RoleReadOnly)
	r := p.page("/console/findings?severity=High&f=service.action.actionType:neq:X&q=pod&sort=type")
	chips := r.all("a.chip[href]")
	if len(chips) != 3 {
		t.Fatalf("chips: %s", r.text("ul.chips"))
	}
	r.wants("ul.chips", "severity is High", "actionType is not X", "Clear all")
	without := p.page(attr(chips[1], "href"))
	if q := attr(without.one("#q"), "value"); q != "pod" || len(without.all("a.chip[href]")) != 2 {
		t.Errorf("without one condition: q=%q, %s", q, without.text("ul.chips"))
	}
	if n := len(r.all("datalist#fields option")); n < 90 {
		t.Errorf("%d fields are offered", n)
	}
	added := p.get("/console/findings?severity=High&next=x&field=type&op=matches&value=*Exec*")
	if to := added.Header().Get("Location"); added.Code != http.StatusSeeOther || to != "/console/findings?f=type%3Amatches%3A%2AExec%2A&severity=High" {
		t.Errorf("a condition was added: %d, %s", added.Code, to)
	}
	tidy := p.get("/console/findings?q=&archived=false&severity=High&from=&to=2026-01-02&type=")
	if to := tidy.Header().Get("Location"); tidy.Code != http.StatusSeeOther || to != "/console/findings?severity=High&to=2026-01-02" {
		t.Errorf("a form's address became: %d, %s", tidy.Code, to)
	}
	wrong := p.get("/console/findings?f=no.such:eq:1&severity=High")
	if wrong.Code != http.StatusBadRequest {
		t.Errorf("a wrong field: %d", wrong.Code)
	}
	wrong.wants("[role=alert]", "no field")
	wrong.wants("ul.chips", "severity is High")
	if token := p.get("/console/findings?next=nonsense"); token.Code != http.StatusBadRequest {
		t.Errorf("a wrong token: %d", token.Code)
	}
	if token := p.get("/console/findings?next=nonsense&q=x"); token.Code != http.StatusBadRequest {
		t.Errorf("a wrong token of a search: %d", token.Code)
	}
}

// Pages follow each other without gap or repeat, by the API and by the store.
func TestFindingsPages(t *testing.T) {
	b := newBed(t)
	b.few(120, func(_ int, f *finding.Finding) { f.Type = "A:B/C" })
	p := b.as(access.RoleReadOnly)
	for _, query := range []string{"", "q=a:b", "f=type:matches:A*", "sort=severity", "sort=type&q=a:b"} {
		seen := map[string]bool{}
		pages := 0
		for to := "/console/findings?" + query; to != ""; pages++ {
			r := p.page(to)
			for _, title := range titles(r) {
				if seen[title] {
					t.Errorf("%s: %s twice", query, title)
				}
				seen[title] = true
			}
			to = ""
			if next := r.all("a[rel=next]"); len(next) == 1 {
				to = attr(next[0], "href")
			}
		}
		if len(seen) != 120 || pages != 3 {
			t.Errorf("%s: %d findings on %d pages", query, len(seen), pages)
		}
	}
}

func TestChangeFindings(t *testing.T) {
	b := newBed(t)
	b.few(3, func(int, *finding.Finding) {})
	p := b.as(access.RoleAnalyst)
	r := p.page("/console/findings?sort=severity")
	var ids []string
	for _, box := range r.all("input[name=id]") {
		ids = append(ids, attr(box, "value"))
	}
	back := attr(r.one("#list input[name=back]"), "value")
	after := p.change("/console/findings", url.Values{"id": ids[:2], "do": {"archive"}, "back": {back}})
	after.wants(".note", "Archived 2 findings.")
	if len(titles(after)) != 1 || attr(after.all("th[aria-sort]")[0], "aria-sort") != "ascending" {
		t.Errorf("after it was archived: %s", after.text("main"))
	}
	p.change("/console/findings", url.Values{"id": ids[:1], "do": {"unarchive"}, "back": {"//evil.example/"}}).wants(".note", "Brought back 1 finding.")
	p.change("/console/findings", url.Values{"id": ids[:1], "do": {"useful"}}).wants("td small", "useful")
	p.change("/console/findings", url.Values{"do": {"archive"}}).wants(".note", "No finding was chosen")
	if r := p.post("/console/findings", url.Values{"id": ids, "do": {"explode"}}); r.Code != http.StatusBadRequest {
		t.Errorf("something unknown was done: %d", r.Code)
	}
	if r := b.as(access.RoleReadOnly).post("/console/findings", url.Values{"id": ids, "do": {"archive"}}); r.Code != http.StatusForbidden {
		t.Errorf("a reader archived: %d", r.Code)
	}
	if reader := b.as(access.RoleReadOnly).page("/console/findings"); reader.has("input[name=id]") || reader.has(".bulk") {
		t.Error("a reader is offered to change findings")
	}
}

// Another account sees and counts its own findings only, however it asks.
func TestFindingsOfAccount(t *testing.T) {
	b := newBed(t)
	b.few(4, func(i int, f *finding.Finding) {
		if i%2 == 1 {
			f.AccountID = other
		}
	})
	p := b.of(access.RoleAdmin, other)
	if r := p.get("/console/findings"); r.Code != http.StatusOK || !r.has("form[action=/console/detector]") {
		t.Fatalf("without a detector: %d, %s", r.Code, r.text("main"))
	}
	p.change("/console/detector", nil).wants(".note", "Created the detector")
	for _, query := range []string{"", "q=" + region, "q=kubernetes", "f=type:matches:*", "account=" + account, "q=kubernetes&account=" + account, "archived=all"} {
		for _, title := range titles(p.page("/console/findings?" + query)) {
			if title != "finding 1" && title != "finding 3" {
				t.Errorf("?%s shows %s", query, title)
			}
		}
		var got struct{ Count int }
		if err := json.Unmarshal(p.get("/console/findings/new?since=0&"+query).Body.Bytes(), &got); err != nil || got.Count > 2 {
			t.Errorf("?%s: %d are new, %v", query, got.Count, err)
		}
		if lines := strings.Count(p.get("/console/findings/export?format=jsonl&"+query).Body.String(), "\n"); lines > 2 {
			t.Errorf("?%s: %d were exported", query, lines)
		}
	}
	overview := p.page("/console/")
	if n := textOf(overview.all("table.list tbody")[0]); strings.Contains(n, "finding 0") || strings.Contains(n, "finding 2") || !strings.Contains(n, "finding 3") {
		t.Errorf("the overview shows %s", n)
	}
	bars := overview.text("details table tbody")
	if strings.Count(bars, "1") == 0 {
		t.Errorf("bars: %s", bars)
	}
}

func TestSavedFilters(t *testing.T) {
	b := newBed(t)
	b.few(6, func(i int, f *finding.Finding) { f.Severity = []float64{9, 8, 5, 2, 8, 5}[i] })
	p := b.as(access.RoleAnalyst)
	in := url.Values{"severity": {"High"}, "f": {"service.count:gte:1"}, "name": {"high-ones"}, "description": {"what is <b>high</b>"}}
	p.change("/console/findings/filters", in).wants(".note", "Saved the filter high-ones.")
	var got struct {
		Action          string
		FindingCriteria json.RawMessage
	}
	p.call(http.MethodGet, "/detector/"+b.detector+"/filter/high-ones", nil, &got)
	const want = `{"criterion":{"service.archived":{"equals":["false"]},"service.count":{"greaterThanOrEqual":1},"severity":{"greaterThanOrEqual":7,"lessThan":9}}}`
	if got.Action != "NOOP" || string(got.FindingCriteria) != want {
		t.Errorf("saved %s %s", got.Action, got.FindingCriteria)
	}
	r := p.page("/console/findings")
	if suppress := p.page("/console/findings?severity=High&from=2026-01-01").all(".tools a[href]"); !slices.ContainsFunc(suppress, func(a *html.Node) bool {
		u, err := url.Parse(attr(a, "href"))
		c, err2 := finding.DecodeCriteria([]byte(u.Query().Get("criteria")))
		return err == nil && err2 == nil && u.Path == "/console/suppressions/new" && len(c) == 1 && *c["severity"].LessThan == 9
	}) {
		t.Error("what is shown cannot be suppressed")
	}
	r.wants("ul.saved", "high-ones", "what is <b>high</b>")
	link := r.one("ul.saved a")
	applied := p.page(attr(link, "href"))
	if got := titles(applied); !slices.Equal(got, []string{"finding 4", "finding 1"}) {
		t.Errorf("applied: %q", got)
	}
	if !applied.has("ul.saved a[aria-current]") {
		t.Error("the filter that is applied is not marked")
	}
	if r := p.post("/console/findings/filters", url.Values{"severity": {"High"}, "name": {"a b"}}); r.Code != http.StatusBadRequest {
		t.Errorf("a bad name: %d", r.Code)
	}
	p.change("/console/findings/filters/delete", url.Values{"name": {"high-ones"}, "back": {"/console/findings?severity=Low"}}).wants(".note", "Deleted the filter high-ones.")
	if p.page("/console/findings").has("ul.saved") {
		t.Error("it is still there")
	}
}

func TestExport(t *testing.T) {
	b := newBedWith(t, func(o *console.Options) {
		o.OCSF = func(f *finding.Finding) ([]byte, error) { return json.Marshal(map[string]string{"uid": f.ID}) }
	})
	b.few(120, func(i int, f *finding.Finding) {
		if i == 119 {
			f.Title = "=HYPERLINK(\"http://evil.example\")\u202e\x1b[2J"
		}
	})
	p := b.as(access.RoleReadOnly)
	r := p.page("/console/findings/export?format=csv")
	rows, err := csv.NewReader(r.Body).ReadAll()
	if err != nil || len(rows) != 121 || rows[0][0] != "id" || rows[1][4] != `'=HYPERLINK("http://evil.example")\u202e\x1b[2J` {
		t.Errorf("CSV: %d rows, %v, %q", len(rows), err, rows[1])
	}
	if d := r.Header().Get("Content-Disposition"); d != `attachment; filename="vedette-findings-20260304-123000.csv"` {
		t.Error(d)
	}
	n := 0
	for lines := bufio.NewScanner(p.page("/console/findings/export?format=jsonl&sort=updatedAt&severity=High").Body); lines.Scan(); n++ {
		var f finding.Finding
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil || f.Severity < 7 || f.Severity >= 9 {
			t.Errorf("line %d: %v %v", n, err, f.Severity)
		}
	}
	if n == 0 || n == 120 {
		t.Errorf("%d lines", n)
	}
	if body := p.page("/console/findings/export?format=ocsf").Body.String(); strings.Count(body, "\n") != 120 || !strings.Contains(body, `{"uid":"`) {
		t.Errorf("OCSF: %.100s", body)
	}
	if r := p.get("/console/findings/export?format=xlsx"); r.Code != http.StatusBadRequest {
		t.Errorf("an unknown format: %d", r.Code)
	}
	if r := p.get("/console/findings/export?format=csv&f=x"); r.Code != http.StatusBadRequest {
		t.Errorf("a wrong filter: %d", r.Code)
	}
	page := p.page("/console/findings?severity=High")
	for _, a := range page.all("#export a") {
		if to := attr(a, "href"); !strings.Contains(to, "severity=High") || p.get(to).Code != http.StatusOK {
			t.Errorf("the page offers %s", to)
		}
	}
}

func TestNewFindings(t *testing.T) {
	b := newBed(t)
	b.few(3, func(int, *finding.Finding) {})
	p := b.as(access.RoleReadOnly)
	live := p.page("/console/findings?severity=High").one("#live")
	count := func(want string) {
		t.Helper()
		if got := strings.TrimSpace(p.page(attr(live, "data-url")).Body.String()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	count(`{"count":0,"more":false}`)
	add := func(from, n int, severity float64) {
		var fs []*finding.Finding
		for i := range n {
			f := b.manyth(1000+from+i, 1)
			f.UpdatedAt = finding.Timestamp(b.now.Add(-24 * time.Hour)) // later, of older logs
			f.Severity, f.Service.Archived = severity, false
			fs = append(fs, f)
		}
		b.put(fs...)
	}
	add(0, 1, 2)
	count(`{"count":0,"more":false}`)
	add(10, 2, 8)
	count(`{"count":2,"more":false}`)
	add(100, 150, 8)
	count(`{"count":100,"more":true}`)
	if r := p.get("/console/findings/new?since=x"); r.Code != http.StatusBadRequest {
		t.Errorf("a wrong number: %d", r.Code)
	}
}

func TestFindingsHostile(t *testing.T) {
	b := newBed(t)
	const evil = "<script>alert(1)</script>\"'>\u202e\x1b[31m{{.}}\xff"
	b.few(1, func(_ int, f *finding.Finding) {
		f.Title, f.Type, f.Region, f.Service.UserFeedback = evil+strings.Repeat("x", 10_000), evil, evil, "USEFUL"
		f.Service.EventLastSeen = evil
	})
	p := b.as(access.RoleAnalyst)
	r := p.page("/console/findings?q=" + url.QueryEscape("script "+evil) + "&f=" + url.QueryEscape("region:eq:"+evil) + "&archived=all")
	r2 := p.page("/console/findings")
	if len(titles(r2)) != 1 {
		t.Fatalf("%s", r2.text("main"))
	}
	for _, r := range []*reply{r, r2, p.page("/console/"), p.get("/console/findings?sort=" + url.QueryEscape(evil))} {
		if n := len(r.all("script")); n != 1 {
			t.Errorf("%d scripts", n)
		}
		var text strings.Builder
		for n := range r.doc.Descendants() {
			if n.Type == html.TextNode {
				text.WriteString(n.Data)
			}
		}
		if strings.ContainsAny(text.String(), "\u202e\x1b") {
			t.Error("a control character is shown as it is")
		}
		if r.Body.Len() > 100_000 {
			t.Errorf("a page of %d bytes", r.Body.Len())
		}
	}
}

func TestPageSize(t *testing.T) {
	b := newBed(t)
	b.few(60, func(i int, f *finding.Finding) {
		f.Title = strings.Repeat("a long title ", 100)
		f.Type = "A:B/" + strings.Repeat("c", 300)
	})
	p := b.as(access.RoleAdmin)
	for _, path := range []string{"/console/", "/console/findings", "/console/findings?severity=High&q=a"} {
		if n := p.page(path).Body.Len(); n > 100_000 {
			t.Errorf("%s has %d bytes", path, n)
		}
	}
}

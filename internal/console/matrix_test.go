package console_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// cell is the cell of a technique in the column of a tactic.
func (r *reply) cell(tactic, technique string) *html.Node {
	r.t.Helper()
	heads := r.all("table.matrix thead th")
	column := slices.IndexFunc(heads, func(n *html.Node) bool { return strings.HasPrefix(textOf(n), tactic) })
	for _, row := range r.all("table.matrix tbody tr") {
		if cells := find(row, "td"); column >= 0 && column < len(cells) && strings.HasPrefix(textOf(cells[column]), technique) {
			return cells[column]
		}
	}
	r.t.Fatalf("there is no %s in %s", technique, tactic)
	return nil
}

func TestMatrix(t *testing.T) {
	b := newBed(t)
	b.samples("PrivilegeEscalation:Kubernetes/PrivilegedContainer", "CryptoCurrency:Runtime/BitcoinTool.B")
	p := b.as(access.RoleReadOnly).page("/console/matrix")

	seen := p.cell("Privilege Escalation", "T1611")
	if got := textOf(seen); !strings.Contains(got, "Escape to Host") || !strings.Contains(got, "1 finding") {
		t.Errorf("the cell says %q", got)
	}
	u, err := url.Parse(attr(find(seen, "a")[0], "href"))
	if err != nil || u.Path != "/console/findings" {
		t.Fatalf("the cell leads to %v, %v", u, err)
	}
	if types := u.Query()["type"]; !slices.Contains(types, "PrivilegeEscalation:Kubernetes/PrivilegedContainer") || u.Query().Get("archived") != "any" {
		t.Errorf("the cell leads to %v", u)
	}
	if class := attr(seen, "class"); class != "s1" {
		t.Errorf("one finding has the shade %s", class)
	}

	unseen := p.cell("Discovery", "T1046")
	if attr(unseen, "class") != "s0" || !strings.HasPrefix(attr(find(unseen, "a")[0], "href"), "/console/catalogue?technique=T1046") {
		t.Errorf("what was not seen has the shade %s and leads to %s", attr(unseen, "class"), attr(find(unseen, "a")[0], "href"))
	}
	for _, th := range p.all("table.matrix thead th") {
		if attr(th, "scope") != "col" {
			t.Errorf("the head %q has no scope", textOf(th))
		}
	}
}

func TestMatrixHasTechniquesOfRules(t *testing.T) {
	b := newBed(t)
	err := b.store.PutRules(t.Context(), []store.RuleInfo{{
		Rule: "r", ID: "00000000-0000-8000-8000-000000000001", Title: "Web shell", Kind: "rule",
		Types: []string{"Persistence:Kubernetes/WebShell.Custom"}, Attack: []string{"persistence", "s0020", "t1505.003", "execution", "t1059.004"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := b.sample("PrivilegeEscalation:Kubernetes/PrivilegedContainer")
	f.Type, f.ID = "Persistence:Kubernetes/WebShell.Custom", strings.Repeat("a", 32)
	b.put(f)
	p := b.as(access.RoleReadOnly)
	m := p.page("/console/matrix")
	if got := textOf(m.cell("Persistence", "T1505.003")); !strings.Contains(got, "1 type, 1 finding") {
		t.Errorf("a technique that only a rule has: %q", got)
	}
	if got := textOf(m.cell("Execution", "T1059.004")); !strings.Contains(got, "1 finding") {
		t.Errorf("a technique stands in the column that it serves: %q", got)
	}
	p.page("/console/catalogue/Persistence:Kubernetes/WebShell.Custom").wants("main", "Web shell", "1 finding")
}

func TestMatrixCountsTheOwnAccount(t *testing.T) {
	b := newBed(t)
	b.samples("PrivilegeEscalation:Kubernetes/PrivilegedContainer")
	m := b.of(access.RoleAdmin, other).page("/console/matrix")
	if got := textOf(m.cell("Privilege Escalation", "T1611")); !strings.Contains(got, "not seen") {
		t.Errorf("another account's findings count: %q", got)
	}
}

func TestCatalogue(t *testing.T) {
	b := newBed(t)
	b.samples("Recon:EC2/Portscan")
	p := b.as(access.RoleReadOnly)
	seen := 0
	for at := "/console/catalogue"; at != ""; {
		page := p.page(at)
		if n := page.Body.Len(); n > 100_000 {
			t.Errorf("%s has %d bytes", at, n)
		}
		seen += len(page.all("table.types tbody tr"))
		at = ""
		if next := page.all("nav.pages a[rel=next]"); len(next) > 0 {
			at = attr(next[0], "href")
		}
	}
	if want := len(finding.Catalog()); seen != want {
		t.Errorf("the pages have %d types, want %d", seen, want)
	}
	page := p.page("/console/catalogue?q=portscan&source=vpc-flow&status=implemented")
	page.wants("table.types", "Recon:EC2/Portscan")
	if n := len(page.all("table.types tbody tr")); n != 1 {
		t.Errorf("the filter leaves %d types", n)
	}
	if links := page.all("table.types td.n a"); len(links) != 1 || textOf(links[0]) != "1" {
		t.Error("what was seen is not counted")
	}
	p.page("/console/catalogue?technique=none&tactic=Impact").wants("main", "without a technique")
	p.page("/console/catalogue?page=999&q=").wants("main", "231")
	p.page("/console/catalogue?q=%00zzz").wants("main", "No such type")
}

func TestEveryTypeHasAPage(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleReadOnly)
	for _, typ := range finding.Catalog() {
		path := (&url.URL{Path: "/console/catalogue/" + typ.Name}).EscapedPath()
		page := p.page(path)
		page.wants("h1", typ.Name)
		page.wants("main", typ.Remediation[0])
		if page.has("form[method=post] button") && strings.Contains(page.text("main"), "Make a sample") {
			t.Fatalf("%s: somebody who may only read is offered a sample", typ.Name)
		}
	}
	if r := p.get("/console/catalogue/No:Such/Type"); r.Code != 404 {
		t.Errorf("an unknown type gave %d", r.Code)
	}
}

func TestTryType(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAnalyst)
	const path = "/console/catalogue/Backdoor:EC2/C%26CActivity.B%21DNS"
	form := p.page(path).one("section form[method=post]")
	p.change((&url.URL{Path: attr(form, "action")}).EscapedPath(), nil).wants("p.note", "Made a sample finding")
	p.page(path).wants("dl.facts", "1 finding")
	if r := b.as(access.RoleReadOnly).post("/console/catalogue/try/Recon:EC2/Portscan", nil); r.Code != 403 {
		t.Errorf("somebody who may only read made a sample: %d", r.Code)
	}
}

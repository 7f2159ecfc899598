package console_test

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
)

// word is in every hostile text, so that a test finds it on pages.
const word = "vedettehostile"

// hostile are texts that attackers write into names, paths and user agents.
func hostile() map[string]string {
	return map[string]string{
		"plain":               word,
		"script":              `<script>alert("` + word + `")</script><vdtx>`,
		"end of a block":      `</textarea></title></pre></style></script></svg></table>--><vdtx vdty=1>` + word,
		"attribute":           `" vdty="1" onmouseover="alert(1)" x='` + word + `' autofocus onfocus='alert(2)`,
		"unquoted":            "` vdty=1 onerror=alert(1) /><img src=x vdty " + word,
		"address of a script": "javascript:alert('" + word + "')//vdtx",
		"markup of SVG":       `<svg onload=alert(1)><vdtx>` + word + `</vdtx></svg><![CDATA[<vdtx>]]>`,
		"template":            `{{.}}{{template "layout" .}}{{define "main"}}${7*7}<%= ` + word + ` %>#{x}[[${x}]]`,
		"entities":            `&lt;vdtx&gt;&#60;vdtx&#62;&quot; vdty=&quot;` + word + `&nbsp;`,
		"paths":               "../../../../etc/passwd?a=b&next=//evil.example#" + word,
		"direction":           word + "\u202e\u2066txt.exe\u2069\u200f\u061c\u202a<vdtx>",
		"terminal":            "\x1b[2J\x1b]0;" + word + "\x07\x1b[31mred\x9b1m\r\n\x00\b",
		"broken UTF-8":        word + "\xff\xfe\xc0\x80\xed\xa0\x80<vdtx>\xf4\x90\x80\x80",
		"unseen":              word + "\u200b\u2060\ufeff\u00ad\U000e0041\ufe0f\u2028\u2029\u0085",
		"spreadsheet":         `=HYPERLINK("http://evil.example","` + word + `")`,
		"long":                word + strings.Repeat("A", 10<<10),
		"long words":          strings.Repeat("<vdtx>é "+word+" ", 400),
	}
}

// givenByUs are the fields that no record can choose: what kind of thing a
// finding is, where it is kept, and when.
func givenByUs() []string {
	return []string{
		"ID", "Type", "SchemaVersion", "CreatedAt", "UpdatedAt", "AccountID", "Region", "Partition", "ResourceType", "ActionType", "DetectorID",
		"EventFirstSeen", "EventLastSeen", "ServiceName", "FeatureName", "ARN",
	}
}

// poison puts a text into every text of a value.
func poison(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if v.Kind() == reflect.Interface {
			if v.Elem().Kind() == reflect.String {
				v.Set(reflect.ValueOf(text))
			}
			return
		}
		poison(v.Elem(), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !slices.Contains(givenByUs(), f.Name) {
				poison(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 { // JSON in JSON
			return
		}
		for i := range v.Len() {
			poison(v.Index(i), text)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			poison(e, text)
			v.SetMapIndex(k, e)
		}
	case reflect.String:
		v.SetString(text)
	}
}

// kinds are types whose samples together have every part that a finding can have.
func kinds() []string {
	return []string{
		"AttackSequence:EKS/CompromisedCluster", "Execution:Kubernetes/ExecInKubeSystemPod", "CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed",
		"UnauthorizedAccess:IAMUser/MaliciousIPCaller", "Exfiltration:S3/AnomalousBehavior", "Recon:EC2/Portscan", "Backdoor:EC2/C&CActivity.B!DNS",
		"Execution:Runtime/ReverseShell", "PrivilegeEscalation:Runtime/RuncContainerEscape", "Execution:EC2/MaliciousFile", "CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin",
		"Backdoor:Lambda/C&CActivity.B",
	}
}

func poisoned(b *bed, text string) []*finding.Finding {
	var out []*finding.Finding
	for _, kind := range kinds() {
		f := b.sample(kind)
		poison(reflect.ValueOf(f).Elem(), text)
		out = append(out, f)
	}
	return out
}

// TestHostileText: texts of attackers are shown on every page that has them,
// and make nothing: no element or attribute that pages do not have with a plain
// word, too, and nothing that turns or moves what is around the text.
func TestHostileText(t *testing.T) {
	plain := elements(t, hostile()["plain"])
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for element, at := range elements(t, text) {
				if plain[element] == "" && !strings.HasPrefix(name, "long") { // what is long may be folded
					t.Errorf("%s has <%s>, which no page has with a plain word", at, element)
				}
			}
		})
	}
}

// elements looks at every kind of page of a console whose findings have a text
// everywhere, and returns the elements with their attributes, and a page of each.
func elements(t *testing.T, text string) map[string]string {
	b := newBed(t)
	b.put(poisoned(b, text)...)
	p := b.as(access.RoleAdmin)
	out := map[string]string{}
	pages, shown := 0, 0
	p.walk(func(at, _ string, r *reply) {
		harmless(t, at, r)
		if size := r.Body.Len(); size > maxPage {
			t.Errorf("%.100s has %d bytes", at, size)
		}
		if pages++; strings.Contains(r.Body.String(), word) {
			shown++
		}
		for _, e := range elementsOf(r.doc) {
			out[e] = at
		}
	})
	if shown < 2*len(kinds()) {
		t.Errorf("of %d pages only %d show the text", pages, shown)
	}
	return out
}

// maxPage is how large a page may be, in bytes, whatever is on it.
const maxPage = 100 << 10

// walk visits pages along their links, from the first page on: a few of each
// shape, which is the path without what stands for a thing.
func (p *person) walk(visit func(at, shape string, r *reply)) {
	p.Helper()
	todo, seen, visits := []string{"/console/"}, map[string]bool{"/console/": true}, map[string]int{}
	for ; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		shape := shapeOf(at)
		if visits[shape]++; visits[shape] > maxVisits(shape) {
			continue
		}
		r := p.get(at)
		if r.Code == http.StatusForbidden && shape == "/console/keys?" {
			continue // these tests have no keys
		}
		if r.Code != http.StatusOK {
			p.Errorf("GET %s: %d %s\n%s", at, r.Code, r.text("main"), &p.log)
			continue
		}
		visit(at, shape, r)
		for _, a := range r.all("a[href]") {
			if hasAttr(a, "download") {
				continue
			}
			to, err := url.Parse(attr(a, "href"))
			if err != nil {
				p.Errorf("%s leads to %q: %v", at, attr(a, "href"), err)
				continue
			}
			base, _ := url.Parse(at)
			if next := base.ResolveReference(to); next.Host == "" && next.Scheme == "" && strings.HasPrefix(next.Path, "/console/") {
				next.Fragment = ""
				if s := next.String(); !seen[s] {
					seen[s] = true
					todo = append(todo, s)
				}
			}
		}
	}
}

// maxVisits is how many pages of a shape are looked at: all findings, a few of
// the rest.
func maxVisits(shape string) int {
	if shape == "/console/findings/*" {
		return len(kinds())
	}
	return 3
}

// shapeOf is a path in which everything below the name of a page is a star;
// queries are told apart by what they ask for, not by values.
func shapeOf(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	parts := strings.Split(strings.TrimPrefix(u.Path, "/console/"), "/")
	shape := "/console/" + parts[0]
	if len(parts) > 1 {
		shape += "/*"
		if parts[0] == "findings" && len(parts) > 2 {
			shape += "/" + parts[2]
		}
	}
	var names []string
	for name := range u.Query() {
		names = append(names, name)
	}
	slices.Sort(names)
	return shape + "?" + strings.Join(names, "&")
}

// harmless checks what no page may have.
func harmless(t *testing.T, at string, r *reply) {
	t.Helper()
	body := r.Body.String()
	if kind := r.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		t.Errorf("%s is %s", at, kind)
	}
	if !utf8.ValidString(body) {
		t.Errorf("%s is not UTF-8", at)
	}
	for n := range r.doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "textarea" { // a field gives back what was typed
			visible(t, at, n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		switch {
		case n.Data == "vdtx":
			t.Errorf("%s: a text made an element", at)
		case n.Data == "script" && (attr(n, "src") == "" || n.FirstChild != nil):
			t.Errorf("%s has a script of its own", at)
		case n.Data == "style" || n.Data == "iframe" || n.Data == "object" || n.Data == "embed" || n.Data == "base":
			t.Errorf("%s has <%s>", at, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "title" || a.Key == "alt" || a.Key == "placeholder" || strings.HasPrefix(a.Key, "aria-") || strings.HasPrefix(a.Key, "data-"):
				visible(t, at, a.Val)
			case a.Key == "vdty" || strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc":
				t.Errorf("%s: <%s> has the attribute %s", at, n.Data, a.Key)
			case a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction":
				u, err := url.Parse(a.Val)
				if err != nil || u.Scheme != "" && u.Scheme != "https" || strings.HasPrefix(a.Val, "//") {
					t.Errorf("%s: <%s %s=%q>", at, n.Data, a.Key, a.Val)
				}
				if u != nil && strings.Contains(u.Host, "evil.example") {
					t.Errorf("%s leads to a site that a text names: %q", at, a.Val)
				}
			}
		}
	}
}

// visible checks that a text has nothing that moves a cursor or turns the
// direction of writing.
func visible(t *testing.T, at, text string) {
	t.Helper()
	for i, c := range text {
		if c != '\n' && c != '\t' && (unicode.Is(unicode.Cc, c) || unicode.Is(unicode.Bidi_Control, c)) {
			t.Errorf("%s has %q: …%q…", at, c, text[max(0, i-60):min(len(text), i+60)])
			return
		}
	}
}

// elementsOf are the elements of a page with the names of their attributes.
func elementsOf(doc *html.Node) (out []string) {
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		names := []string{n.Data}
		for _, a := range n.Attr {
			names = append(names, a.Key)
		}
		slices.Sort(names[1:])
		out = append(out, strings.Join(names, " "))
	}
	return out
}

// TestHostileInput: what stands in addresses and forms comes back as text, too.
func TestHostileInput(t *testing.T) {
	b := newBed(t)
	b.samples(kinds()...)
	p := b.as(access.RoleAdmin)
	pages := map[string]*url.URL{} // a page of each shape
	p.walk(func(at, _ string, _ *reply) {
		if u, err := url.Parse(at); err == nil {
			pages[strings.SplitAfter(shapeOf(at), "?")[0]] = u
		}
	})
	for name, text := range hostile() {
		for _, u := range pages {
			q := u.Query()
			for _, param := range append([]string{"q", "type", "severity", "from", "to", "f", "next", "sort", "token", "page", "account", "archived", "filter", "kind", "id", "name", "view", "source", "status", "since"}, names(q)...) {
				q.Set(param, text)
			}
			r := p.get(u.Path + "?" + q.Encode())
			if r.Code >= http.StatusInternalServerError {
				t.Errorf("%s in the query of %s: %d", name, u.Path, r.Code)
			}
			harmless(t, u.Path+" with "+name, r)
			if parts := strings.SplitAfterN(strings.TrimPrefix(u.Path, "/console/"), "/", 2); len(parts) == 2 && len(text) < 2000 {
				r := p.get("/console/" + parts[0] + url.PathEscape(text))
				if r.Code >= http.StatusInternalServerError {
					t.Errorf("%s in the path of %s: %d", name, u.Path, r.Code)
				}
				harmless(t, u.Path+" as "+name, r)
			}
		}
	}
	r := b.stranger().get("/console/login?next=" + url.QueryEscape(hostile()["attribute"]) + "&link=" + url.QueryEscape(hostile()["script"]))
	harmless(t, "login", r)
	r = b.stranger().post("/console/login", url.Values{"key": {hostile()["attribute"]}, "secret": {"x"}})
	harmless(t, "login", r)
}

func names(q url.Values) (out []string) {
	for name := range q {
		out = append(out, name)
	}
	return out
}

package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/vedette-project/vedette/internal/testbed"
)

// axePackage checks pages for accessibility. It is licensed under MPL-2.0 and
// used as it is.
const axePackage = "axe-core@4.14.1"

// installAxe returns the checker's script.
func installAxe(t testing.TB) string {
	t.Helper()
	dir := testbed.NPM(t, axePackage)
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// violation is what the checker finds.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// axe checks the page that the tab shows against all rules of WCAG 2.2, levels A and
// AA, that a program can check.
func (b *tab) axe(script, what string) {
	b.Helper()
	b.run(chromedp.EvaluateAsDevTools(script, nil))
	var found []violation
	b.run(chromedp.Evaluate(`axe.run(document, {
		runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}, resultTypes: ["violations"],
	}).then(r => r.violations)`, &found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	for _, v := range found {
		var where []string
		for _, n := range v.Nodes[:min(3, len(v.Nodes))] {
			where = append(where, fmt.Sprintf("%.300s\n      %s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n      ")))
		}
		b.Errorf("%s, %s: %s (%s), %d times:\n    %s", b.path(), what, v.Help, v.ID, len(v.Nodes), strings.Join(where, "\n    "))
	}
}

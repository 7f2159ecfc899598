package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/vedette-project/vedette/"
	// maxLines is where a file must be split; most stay near 150.
	maxLines = 800
)

// source is one Go file of the tree.
type source struct {
	path string // from the root, with slashes
	room string // its folder
	test bool
	text string
	file *ast.File
}

// sources parses every Go file of the main module.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, statErr := os.Stat(filepath.Join(path, "go.mod"))
			if path != root && (statErr == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir // another module, or no code
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		out = append(out, source{rel, filepath.ToSlash(filepath.Dir(rel)), strings.HasSuffix(rel, "_test.go"), string(text), f})
		return nil
	})
	if err != nil || len(out) < 50 {
		t.Fatalf("found %d files: %v", len(out), err)
	}
	return out
}

// allowed reads imports.txt.
func allowed(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("imports.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if room, rooms, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
			m[room] = strings.Fields(rooms)
		}
	}
	return m
}

func TestImports(t *testing.T) {
	table := allowed(t)
	seen := map[string]bool{}
	for _, s := range sources(t) {
		may, ok := table[s.room]
		if !ok {
			t.Errorf("%s: the room %s is not in imports.txt", s.path, s.room)
			continue
		}
		seen[s.room] = true
		if s.test || slices.Contains(may, "*") {
			continue
		}
		for _, imp := range s.file.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			ours, ok := strings.CutPrefix(path, module+"internal/")
			if ok && ours != "jsonscan" && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s; imports.txt does not allow that", s.path, ours)
			}
		}
	}
	for room := range table {
		if !seen[room] {
			t.Errorf("imports.txt names %s, which is not there", room)
		}
	}
}

// TestRoomsAreTold: the table of rooms has each of them, and none that is gone.
func TestRoomsAreTold(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		for _, cell := range strings.Split(strings.Split(line+"||", "|")[1], ",") {
			if room, ok := strings.CutPrefix(strings.Trim(cell, " `"), "internal/"); ok {
				told[room] = true
			}
		}
	}
	rooms, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms {
		if !told[r.Name()] {
			t.Errorf("docs/architecture.md does not say what lives in internal/%s", r.Name())
		}
		delete(told, r.Name())
	}
	for room := range told {
		t.Errorf("docs/architecture.md tells of internal/%s, which is not there", room)
	}
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	docs := map[string]int{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if _, ok := docs[s.room]; !ok {
			docs[s.room] = 0
		}
		if s.file.Doc != nil && strings.Contains(s.file.Doc.Text(), " ") {
			docs[s.room]++
		}
	}
	for room, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", room, n)
		}
	}
}

// TestNoClockInDetection: the same records must give the same findings, so
// nothing on the way from bytes to findings may ask what time it is.
func TestNoClockInDetection(t *testing.T) {
	rooms := []string{
		"internal/anomaly", "internal/anomaly/dga", "internal/decode", "internal/detect", "internal/event", "internal/finding", "internal/history",
		"internal/jsonscan", "internal/rule", "internal/sequence", "internal/shell",
	}
	for _, s := range sources(t) {
		if s.test || !slices.Contains(rooms, s.room) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && isName(sel.X, "time") && slices.Contains([]string{"Now", "Since", "Until", "After", "Tick", "NewTimer", "NewTicker", "Sleep"}, sel.Sel.Name) {
				t.Errorf("%s uses time.%s", s.path, sel.Sel.Name)
			}
			return true
		})
	}
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func TestNoInitAndNoExit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init", s.path)
			}
		}
		if s.test || strings.HasPrefix(s.room, "cmd/") || strings.HasPrefix(s.room, "hack/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && (isName(sel.X, "os") && sel.Sel.Name == "Exit" || isName(sel.X, "log") && strings.HasPrefix(sel.Sel.Name, "Fatal")) {
				t.Errorf("%s ends the process; only the door may", s.path)
			}
			return true
		})
	}
}

// TestPackageVariables: what a package keeps at its top never changes:
// compiled patterns, embedded data, sentinels, tables made once.
func TestPackageVariables(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR || gen.Doc != nil && strings.Contains(commentText(gen.Doc), "//go:embed") {
				continue
			}
			for _, spec := range gen.Specs {
				if v := spec.(*ast.ValueSpec); !constant(v) && !embedded(v) {
					t.Errorf("%s: the package variable %s could change", s.path, v.Names[0].Name)
				}
			}
		}
	}
}

func commentText(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

func embedded(v *ast.ValueSpec) bool {
	return v.Doc != nil && strings.Contains(commentText(v.Doc), "//go:embed")
}

// constant reports whether a variable is one of the kinds that nobody changes.
func constant(v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" {
		return true
	}
	for _, val := range v.Values {
		switch e := val.(type) {
		case *ast.CallExpr:
			sel, ok := e.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"MustCompile", "MustParsePrefix", "New", "OnceValue", "OnceValues", "NewReplacer"}, sel.Sel.Name) {
				return false
			}
		case *ast.CompositeLit: // a table; its writers would show up in review
		default:
			return false
		}
	}
	return len(v.Values) > 0
}

func TestFileLength(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > maxLines {
			t.Errorf("%s has %d lines, at most %d", s.path, n, maxLines)
		}
	}
}

// TestNoReplace: go install refuses a module with replace lines.
func TestNoReplace(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		if strings.HasPrefix(strings.TrimSpace(line), "replace") {
			t.Errorf("go.mod: %s", line)
		}
	}
}

package detect

import (
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// TestFileClasses: what is built in names types and acts that there are.
func TestFileClasses(t *testing.T) {
	classes := sensitiveFiles()
	if len(classes) < 12 {
		t.Errorf("only %d classes", len(classes))
	}
	for _, c := range classes {
		if _, ok := finding.Lookup(c.typ); !ok || len(c.paths) == 0 {
			t.Errorf("%s: the type %s, %d paths", c.name, c.typ, len(c.paths))
		}
		for _, a := range c.acts {
			if !slices.Contains([]string{"write", "empty", "rename", "unlink", "link", "symlink", "chmod"}, a) {
				t.Errorf("%s: there is no act %q", c.name, a)
			}
		}
		for _, p := range c.paths {
			if p = strings.TrimPrefix(p, "!"); p[0] != '/' && p[0] != '*' {
				t.Errorf("%s: %s is in no folder", c.name, p)
			}
		}
	}
}

// TestFileActs: which class a change is of, by what was done.
func TestFileActs(t *testing.T) {
	for _, tt := range []struct {
		kind event.RuntimeKind
		file event.FileChange
		want string
	}{
		{event.KindOpen, event.FileChange{Path: "/root/.ssh/authorized_keys", Flags: []string{"O_WRONLY"}}, "SSH keys"},
		{event.KindOpen, event.FileChange{Path: "/var/log/auth.log", Flags: []string{"O_WRONLY", "O_APPEND"}}, ""},
		{event.KindOpen, event.FileChange{Path: "/var/log/auth.log", Flags: []string{"O_WRONLY", "O_TRUNC"}}, "logs"},
		{event.KindRename, event.FileChange{Path: "/etc/.x", NewPath: "/etc/shadow"}, "accounts"},
		{event.KindUnlink, event.FileChange{Path: "/etc/shadow"}, ""},
		{event.KindUnlink, event.FileChange{Path: "/root/.bash_history"}, "shell history"},
		{event.KindSymlink, event.FileChange{Path: "/dev/null", NewPath: "/root/.bash_history"}, "shell history"},
		{event.KindChmod, event.FileChange{Path: "/etc/cron.d/x", Mode: 0o755}, "scheduled commands"},
		{event.KindOpen, event.FileChange{Path: "/var/www/html/cache/a.php"}, ""},
		{event.KindOpen, event.FileChange{Path: "/var/www/html/a.php"}, "web scripts"},
		{event.KindOpen, event.FileChange{Path: "/var/www/html/wp-content/uploads/2026/x.phtml", Created: true}, "web scripts"},
		{event.KindOpen, event.FileChange{Path: "/var/www/html/.htaccess"}, "web scripts"},
		{event.KindOpen, event.FileChange{Path: "/usr/lib/python3.12/sitecustomize.py"}, "interpreter start-up"},
		{event.KindRename, event.FileChange{Path: "/tmp/x", NewPath: "/usr/local/lib/python3.12/site-packages/zz.pth"}, "interpreter start-up"},
		{event.KindOpen, event.FileChange{Path: "/usr/local/lib/python3.12/site-packages/zz.py"}, ""},
		{event.KindOpen, event.FileChange{Path: "/home/a/.zshenv"}, "shell profiles"},
		{event.KindOpen, event.FileChange{Path: "/etc/NetworkManager/dispatcher.d/99-x"}, "services"},
		{event.KindOpen, event.FileChange{Path: "/app/public/index.html"}, ""},
		{event.KindOpen, event.FileChange{Path: "relative/etc/shadow"}, ""},
	} {
		acts, file := actsOf(tt.kind, &tt.file)
		got := ""
		if c, _ := classOf(file, acts); c != nil {
			got = c.name
		}
		if got != tt.want {
			t.Errorf("%s of %+v is of %q, want %q", tt.kind, tt.file, got, tt.want)
		}
	}
}

// TestRelatedFilesAreBounded: who changes hundreds of files is told of with a few.
func TestRelatedFilesAreBounded(t *testing.T) {
	e := New(Options{})
	judged(t, e, shellRecord(0, "run", "box", "pspy64 -pf"))
	var last *finding.Signal
	for i := range 100 {
		r := shellRecord(i+1, "run", "box", "")
		r.Kind, r.Exec = event.KindOpen, nil
		r.File = &event.FileChange{Path: "/etc/cron.d/job" + strings.Repeat("x", i), Flags: []string{"O_WRONLY"}}
		for _, s := range judged(t, e, r) {
			last = s
		}
	}
	if last == nil || len(last.Runtime.Context.RelatedFilePaths) != maxRelated {
		t.Errorf("%+v", last)
	}
}

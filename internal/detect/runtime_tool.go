package detect

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/shell"
)

//go:embed runtime_tools.tsv
var runtimeToolsTSV string

// attackTools are read once; a test reads them too, so what is built in is right.
var attackTools = sync.OnceValue(func() *toolSet {
	s, err := readTools(runtimeToolsTSV)
	if err != nil {
		panic(err)
	}
	return s
})

const typeTool = "Execution:Runtime/SuspiciousTool"

// tool is a program that attackers use.
type tool struct {
	name, category string
	offensive      bool // nobody else has a use for it
	programs       []string
	renamed        []*shell.Pattern
	fires, near    string
}

// toolGlob is a glob for the names of a tool's programs.
type toolGlob struct {
	glob string
	*tool
}

type toolSet struct {
	list    []*tool
	byName  map[string]*tool    // programs without a *
	globs   map[byte][]toolGlob // by their first byte, * among them
	renamed []*tool
}

func readTools(text string) (*toolSet, error) {
	s := &toolSet{byName: map[string]*tool{}, globs: map[byte][]toolGlob{}}
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 7 || f[2] != "offensive" && f[2] != "dual" {
			return nil, fmt.Errorf("read the tools: line %d: want 7 columns, the third offensive or dual", n+1)
		}
		t := &tool{name: f[0], category: f[1], offensive: f[2] == "offensive", programs: strings.Fields(f[3]), fires: f[5], near: f[6]}
		for text := range strings.SplitSeq(f[4], "||") {
			if strings.TrimSpace(text) == "" {
				continue
			}
			p, err := shell.ParsePattern(text, shell.Words{})
			if err != nil {
				return nil, fmt.Errorf("read the tools: line %d: %w", n+1, err)
			}
			t.renamed = append(t.renamed, p)
		}
		s.add(t)
	}
	return s, nil
}

func (s *toolSet) add(t *tool) {
	s.list = append(s.list, t)
	for _, p := range t.programs {
		if strings.Contains(p, "*") {
			s.globs[p[0]] = append(s.globs[p[0]], toolGlob{p, t})
		} else {
			s.byName[p] = t
		}
	}
	if len(t.renamed) > 0 {
		s.renamed = append(s.renamed, t)
	}
}

// named finds a tool by the name of its program.
func (s *toolSet) named(name string) *tool {
	if len(name) < 2 {
		return nil
	}
	if t := s.byName[name]; t != nil {
		return t
	}
	for _, first := range [2]byte{name[0], '*'} {
		for _, g := range s.globs[first] {
			if shell.Glob(g.glob, name) {
				return g.tool
			}
		}
	}
	return nil
}

// in finds the tools of a line. How says how each is known.
func (s *toolSet) in(l *shell.Line) (found []*tool, how []string) {
	for at := range l.Places {
		c := l.Places[at].Command
		t, why := s.ofCommand(c)
		if t == nil && ownName(c.Name) {
			t, why = s.byArguments(l, at)
		}
		if t != nil && !slices.Contains(found, t) {
			found, how = append(found, t), append(how, why)
		}
	}
	return found, how
}

// ofCommand knows a tool by a name: its program's, its script's, its module's,
// or what is fetched to be run.
func (s *toolSet) ofCommand(c *shell.Command) (*tool, string) {
	if len(c.Words) == 0 {
		return nil, ""
	}
	if t := s.named(path.Base(c.Words[0])); t != nil {
		return t, "by the name of its program"
	}
	if c.File != "" {
		if t := s.named(path.Base(c.File)); t != nil {
			return t, "by the name of its script"
		}
	}
	if c.Name == "python" && len(c.Words) > 2 && c.Words[1] == "-m" {
		if t := s.named(c.Words[2]); t != nil {
			return t, "by the name of its module"
		}
	}
	if c.Name == "java" {
		for i, w := range c.Words[:len(c.Words)-1] {
			if t := s.named(path.Base(c.Words[i+1])); w == "-jar" && t != nil {
				return t, "by the name of its archive"
			}
		}
	}
	for _, fed := range c.Fed {
		for _, p := range fed.Flat().Places {
			for _, u := range p.URLs() {
				if t := s.named(path.Base(u)); t != nil {
					return t, "by the address that it is fetched from and run"
				}
			}
		}
	}
	return nil, ""
}

// byArguments knows a tool whose program was given another name.
func (s *toolSet) byArguments(l *shell.Line, at int) (*tool, string) {
	if len(l.Places[at].Words) < 3 {
		return nil, ""
	}
	for _, t := range s.renamed {
		for _, p := range t.renamed {
			if p.Match(l, at) {
				return t, "by its arguments, under another name"
			}
		}
	}
	return nil, ""
}

// ownName reports whether a name says nothing of what a program is: the names
// of programs that everybody has are believed.
func ownName(name string) bool {
	switch name {
	case "", "sort", "df", "ls", "ps", "psql", "mysql", "curl", "wget", "grep", "find", "sed", "awk", "tar", "git", "kubectl", "helm", "docker", "npm", "npx", "node",
		"ip", "ss", "ssh", "scp", "rsync", "cp", "mv", "cat", "echo", "printf", "pg_dump", "nginx", "redis-cli", "du", "head", "tail", "make", "go", "cargo", "apt-get",
		"apk", "pip", "dig", "host", "nc", "ncat", "socat", "openssl", "mkdir", "install", "mount", "test", "[", "xargs", "sudo", "su", "env", "man", "vim", "less",
		"envoy", "haproxy", "traefik", "etcd", "etcdctl", "mc", "aws", "gcloud", "az", "terraform", "java", "mvn", "gradle", "supervisord", "iptables", "ffmpeg":
		return false
	}
	return !shell.IsShell(name)
}

// suspiciousTool looks for tools of attackers in a command line.
func (r *runtimeRecord) suspiciousTool(l *shell.Line) {
	if r.inImageBuild() || r.comesFrom(isPackageManager) || r.isOwnWork() {
		return
	}
	tools := attackTools()
	found, how := tools.in(l)
	if t := tools.named(path.Base(exeOf(r.Process))); t != nil && !slices.Contains(found, t) {
		found, how = append(found, t), append(how, "by the name of its file")
	}
	for i, t := range found {
		r.raiseTool(t, how[i])
	}
}

// raiseTool raises a tool, unless it is a common one that somebody may well use:
// whoever works at a node, and who deployed the very image of the tool.
func (r *runtimeRecord) raiseTool(t *tool, how string) {
	severity := 2.0
	deployed := r.Container != nil && t.isOf(path.Base(imageName(r.Container.Image)))
	switch {
	case deployed && !t.offensive, r.Container == nil && !t.offensive && !r.otherwiseSuspicious(typeTool):
		return
	case t.offensive && !deployed:
		severity = 8
	}
	s := r.claim(typeTool, t.name)
	s.Severity = severity
	s.Runtime.Context.ToolName, s.Runtime.Context.ToolCategory, s.Runtime.Context.ScriptPath = t.name, t.category, strings.Clone(r.Process.Script)
	use := "which administrators use, too"
	if t.offensive {
		use = "which serves attacks only"
	}
	s.Title = fmt.Sprintf("A %s was run in %s.", strings.ToLower(t.category), r.where())
	s.Description = fmt.Sprintf("%s in %s runs %s, a %s, %s.", upper(processName(r.Process)), r.where(), t.name, strings.ToLower(t.category), use)
	s.Why = fmt.Sprintf("the tool %s is known %s", t.name, how)
	if deployed {
		s.Why += "; the image of the container is that of the tool, so somebody deployed it to be run"
	}
	r.raise(s)
}

// isOf reports whether an image is named after the tool.
func (t *tool) isOf(image string) bool {
	return slices.ContainsFunc(t.programs, func(p string) bool {
		p = strings.Trim(p, "*")
		return image == p || strings.HasPrefix(image, p+"-") || strings.HasSuffix(image, "-"+p)
	})
}

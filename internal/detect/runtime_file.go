package detect

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/shell"
)

//go:embed runtime_files.tsv
var runtimeFilesTSV string

// sensitiveFiles are read once; a test reads them too, so what is built in is right.
var sensitiveFiles = sync.OnceValue(func() []fileClass {
	c, err := readFileClasses(runtimeFilesTSV)
	if err != nil {
		panic(err)
	}
	return c
})

// fileClass is a kind of sensitive files.
type fileClass struct {
	name, typ string
	acts      []string
	writers   []string
	paths     []string
}

func readFileClasses(text string) (out []fileClass, err error) {
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("read the sensitive files: line %d: want 5 columns, there are %d", n+1, len(f))
		}
		out = append(out, fileClass{f[0], f[1] + sensitiveFileModified, strings.Fields(f[2]), strings.Fields(f[3]), strings.Fields(f[4])})
	}
	return out, nil
}

const sensitiveFileModified = ":Runtime/SensitiveFileModified"

// Bounds of what is remembered of changed files.
const (
	maxChangers      = 20_000
	maxRelated       = 25
	fileWindow       = time.Hour
	sameActSecond    = 10 * time.Second // a command and what it does to a file are one act
	maxChangedLength = 4096
)

// changer is where sensitive files were changed of late.
type changer struct {
	Files []changedFile
}

// changedFile is a change that is no finding yet, or belongs to one.
type changedFile struct {
	Path, Act, Class, Type string
	At                     int64 // Unix seconds
	By                     *event.Process
}

// sensitiveFile looks for changes of sensitive files where other things are
// suspicious.
func sensitiveFile(r *runtimeRecord) {
	f := r.File
	if f == nil || r.Error != "" || r.isRuntimeProcess() {
		return
	}
	acts, file := actsOf(r.Kind, f)
	if len(acts) == 0 || len(file) > maxChangedLength {
		return
	}
	class, act := classOf(file, acts)
	if class == nil && r.Kind == event.KindRename { // what was moved away
		class, act = classOf(f.Path, []string{"unlink"})
		file = f.Path
	}
	if class == nil || r.expectsChange(class) {
		return
	}
	p := bare(r.Process)
	c := changedFile{strings.Clone(path.Clean(file)), act, class.name, class.typ, r.ev.Time.Unix(), p}
	files := r.state.changers.touch(r.here(), r.ev.Time)
	files.note(c)
	if why := r.alsoSuspicious(class.typ, c.At); why != "" {
		r.raiseFile(c, files, why)
	}
}

// actsOf is what a record says was done, and to which path.
func actsOf(kind event.RuntimeKind, f *event.FileChange) (acts []string, file string) {
	switch kind {
	case event.KindOpen:
		if slices.Contains(f.Flags, "O_TRUNC") && !f.Created {
			return []string{"write", "empty"}, f.Path
		}
		return []string{"write"}, f.Path
	case event.KindRename:
		return []string{"rename"}, f.NewPath
	case event.KindUnlink:
		return []string{"unlink"}, f.Path
	case event.KindLink:
		return []string{"link"}, f.NewPath
	case event.KindSymlink:
		return []string{"symlink"}, f.NewPath
	case event.KindChmod:
		return []string{"chmod"}, f.Path
	}
	return nil, ""
}

// classOf finds the class of a file for which one of some acts counts.
func classOf(file string, acts []string) (*fileClass, string) {
	if file == "" || file[0] != '/' {
		return nil, ""
	}
	classes := sensitiveFiles()
	for i := range classes {
		c := &classes[i]
		at := slices.IndexFunc(acts, func(a string) bool { return slices.Contains(c.acts, a) })
		if at >= 0 && shell.GlobAny(c.paths, file) {
			return c, acts[at]
		}
	}
	return nil, ""
}

// expectsChange reports whether it is somebody's work to change such a file.
func (r *runtimeRecord) expectsChange(c *fileClass) bool {
	if where := r.surroundings(); where.expected || where.starting || where.node && r.Process.TTY || r.isOwnWork() {
		return true
	}
	exe := exeOf(r.Process)
	return isSystemPath(exe) && slices.Contains(c.writers, programName(path.Base(exe))) && !r.comesFrom(startedOddly)
}

// startedOddly reports whether a program lies where anybody may write, or is
// hidden: who that starts does not do his own work.
func startedOddly(p *event.Process) bool {
	classes := commandRules().classes
	exe := exeOf(p)
	return shell.GlobAny(classes["scratch"], exe) || shell.GlobAny(classes["hidden"], exe)
}

// alsoSuspicious says what else is suspicious where a file was changed; "" if
// nothing is. The command that changed it is not something else.
func (r *runtimeRecord) alsoSuspicious(typ string, at int64) string {
	tactic, _, _ := strings.Cut(typ, ":")
	if s := r.state.suspects.get(r.here()); s != nil {
		for _, x := range s.Last {
			own := x.What == severeCommand || x.What == tactic+":Runtime/SuspiciousCommand" && since(x.At, time.Unix(at, 0)).Abs() <= sameActSecond
			if !own && !strings.HasSuffix(x.What, sensitiveFileModified) && since(x.At, time.Unix(at, 0)).Abs() <= fileWindow {
				return "there was " + x.What + " within the hour"
			}
		}
	}
	if r.comesFrom(startedOddly) {
		return "the program that did it, or one that it comes from, lies where anybody may write, or is hidden"
	}
	return ""
}

// note keeps a change, and forgets those that are too old to matter.
func (c *changer) note(f changedFile) {
	c.Files = slices.DeleteFunc(c.Files, func(x changedFile) bool {
		return f.At-x.At > int64(fileWindow/time.Second) || x.Path == f.Path && x.Type == f.Type
	})
	if len(c.Files) > maxRelated {
		c.Files = c.Files[1:]
	}
	c.Files = append(c.Files, f)
}

// earlierFiles raises what was changed before something else turned out to be
// suspicious.
func (r *runtimeRecord) earlierFiles() {
	if r.File != nil || !slices.ContainsFunc(r.out, func(s *finding.Signal) bool { return !strings.HasSuffix(s.Type, sensitiveFileModified) }) {
		return
	}
	files := r.state.changers.get(r.here())
	if files == nil || r.Process == nil {
		return
	}
	raised := map[string]bool{}
	for i := len(files.Files) - 1; i >= 0; i-- {
		f := files.Files[i]
		if raised[f.Type] || since(f.At, r.ev.Time).Abs() > fileWindow {
			continue
		}
		if why := r.alsoSuspicious(f.Type, f.At); why != "" {
			raised[f.Type] = true
			r.raiseFile(f, files, why)
		}
	}
}

// operations are the acts as findings name them.
func operationOf(act string) string {
	if act == "empty" {
		return "WRITE"
	}
	return strings.ToUpper(act)
}

func (r *runtimeRecord) raiseFile(f changedFile, files *changer, why string) {
	s := r.claim(f.Type, "files")
	if f.By != nil && f.By.UUID != r.Process.UUID { // another process did it, before
		s.Runtime.Process = processOf(f.By)
		s.Runtime.Context = &finding.RuntimeContext{}
	}
	c := s.Runtime.Context
	c.FilePath, c.FileOperation = f.Path, operationOf(f.Act)
	if f.Class == "shell history" {
		c.ShellHistoryFilePath = f.Path
	}
	for _, other := range files.Files {
		if other.Path != f.Path && !slices.Contains(c.RelatedFilePaths, other.Path) && len(c.RelatedFilePaths) < maxRelated {
			c.RelatedFilePaths = append(c.RelatedFilePaths, other.Path)
		}
	}
	s.Title = fmt.Sprintf("A sensitive file was changed in %s.", r.where())
	s.Description = fmt.Sprintf("%s in %s changed %s (%s: %s) while other things there were suspicious.", upper(processName(f.By)), r.where(), f.Path, f.Class, f.Act)
	s.Why = fmt.Sprintf("%s, one of the files of %s, was changed (%s) by %s; %s", f.Path, f.Class, f.Act, processName(f.By), why)
	r.raise(s)
}

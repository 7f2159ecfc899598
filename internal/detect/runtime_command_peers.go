package detect

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/shell"
)

// Bounds of what is remembered of commands.
const (
	maxPipeEnds = 10_000
	pipeEndIdle = 2 * time.Minute
	maxFetched  = 10_000
	fetchedIdle = 6 * time.Hour
	maxStages   = 6
	maxStageArg = 4 << 10
)

// commandMemory is what is remembered of commands.
type commandMemory struct {
	pipes   *table[pipeEnd]
	fetched *table[fetchedFile]
	lookers *table[looker]
}

func newCommandMemory() *commandMemory {
	return &commandMemory{
		pipes:   newTable[pipeEnd]("runtime-pipes", maxPipeEnds, pipeEndIdle),
		fetched: newTable[fetchedFile]("runtime-fetched", maxFetched, fetchedIdle),
		lookers: newTable[looker]("runtime-lookers", maxLookers, lookersIdle),
	}
}

func (m *commandMemory) memories() []memory { return []memory{m.pipes, m.fetched, m.lookers} }

// pipeEnd is a process at one end of a pipe: what a shell that was typed into,
// or runs a script, connects is not in any command line.
type pipeEnd struct {
	Args    []string
	In, Out uint64 // inodes of its other pipes
}

// pipedHits reads the pipeline that a process is part of, once its other
// programs were started, and says what it meets as a whole.
func (r *runtimeRecord) pipedHits(set *commandSet, l *shell.Line) []commandHit {
	in, out := pipesOf(r.Exec.FDs)
	if in == 0 && out == 0 || len(l.Places) == 0 || !isStage(l.Places[0].Command) {
		return nil
	}
	end := pipeEnd{Args: commandArgs(r.Process), In: in, Out: out}
	if sizeOf(end.Args) > maxStageArg {
		return nil
	}
	ends := r.state.commands.pipes
	if in != 0 {
		*ends.touch(r.endKey("r", in), r.ev.Time) = end
	}
	if out != 0 {
		*ends.touch(r.endKey("w", out), r.ev.Time) = end
	}
	stages := [][]string{end.Args}
	for at := in; at != 0 && len(stages) < maxStages; {
		w := ends.get(r.endKey("w", at))
		if w == nil {
			break
		}
		stages, at = append([][]string{w.Args}, stages...), w.In
	}
	for at := out; at != 0 && len(stages) < maxStages; {
		w := ends.get(r.endKey("r", at))
		if w == nil {
			break
		}
		stages, at = append(stages, w.Args), w.Out
	}
	if len(stages) == 1 {
		return nil
	}
	return away(set.match(shell.ReadPipe(stages...).Flat()))
}

// away marks hits of another line than the record's own.
func away(hits []commandHit) []commandHit {
	for i := range hits {
		hits[i].at = notHere
	}
	return hits
}

// notHere is the place of a hit in another line.
const notHere = 1 << 30

func (r *runtimeRecord) endKey(end string, inode uint64) string {
	return fmt.Sprintf("%s %s %d", r.here(), end, inode)
}

func sizeOf(args []string) (n int) {
	for _, a := range args {
		n += len(a)
	}
	return n
}

// pipesOf are the pipes that are input and output of a process.
func pipesOf(fds []event.Stdio) (in, out uint64) {
	for i := range fds {
		switch f := &fds[i]; {
		case f.Kind != "pipe":
		case f.FD == 0:
			in = f.Inode
		case f.FD == 1:
			out = f.Inode
		}
	}
	return in, out
}

// isStage reports whether a command in a pipeline may matter for what rules ask.
func isStage(c *shell.Command) bool {
	in := c.Inner()
	if in.Stdin || c.Stdin {
		return true
	}
	switch in.Name {
	case "curl", "wget", "base64", "base32", "xxd", "openssl", "gunzip", "zcat", "gzip", "uudecode", "rev", "echo", "printf", "cat", "nc", "ncat", "netcat", "telnet",
		"crontab", "tee", "at", "passwd", "ps", "grep", "egrep", "awk", "kill", "netstat", "ss", "fetch", "aria2c", "lwp-download", "GET":
		return true
	}
	return false
}

// fetchedFile is what a program fetched to a file.
type fetchedFile struct {
	Source source
}

// fetchedHits remembers what is fetched to a file, and says whether a program
// runs what was.
func (r *runtimeRecord) fetchedHits(set *commandSet, l *shell.Line) []commandHit {
	files := r.state.commands.fetched
	for i := range l.Places {
		p := &l.Places[i]
		if src := set.fetchesFrom(l, i); src != sourceNone {
			if f := p.Fetched(); f != "" {
				files.touch(r.pathKey(f), r.ev.Time).Source = src
			}
		}
	}
	if files.len() == 0 {
		return nil
	}
	ran := []string{r.Exec.File.Path, r.Process.Script}
	for i := range l.Places {
		ran = append(ran, l.Places[i].File)
	}
	for _, f := range ran {
		if f == "" {
			continue
		}
		if got := files.get(r.pathKey(f)); got != nil {
			return r.ranFetched(set, got.Source)
		}
	}
	return nil
}

// ranFetched is the rule for running what came from a source.
func (r *runtimeRecord) ranFetched(set *commandSet, src source) []commandHit {
	name := map[source]string{sourceOdd: "fetch-odd", sourcePlain: "fetch-http", sourceUnknown: "fetch-run"}[src]
	at := slices.IndexFunc(set.rules, func(c *commandRule) bool { return c.name == name })
	if at < 0 {
		return nil
	}
	return []commandHit{{set.rules[at], notHere}}
}

func (r *runtimeRecord) pathKey(file string) string {
	if !strings.HasPrefix(file, "/") {
		file = path.Join("/", r.Process.Cwd, file)
	}
	return r.here() + " " + path.Clean(file)
}

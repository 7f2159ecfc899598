package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/shell"
)

// withinReach is how long what was suspicious in a container makes other things
// there suspicious.
const withinReach = time.Hour

// commandLine judges the command line of a program that was started.
func commandLine(r *runtimeRecord) {
	if r.Exec == nil || r.isRuntimeProcess() {
		return
	}
	args := commandArgs(r.Process)
	if len(args) == 0 {
		return
	}
	l := shell.ReadArgs(args).Flat()
	if r.Process.Preload != "" && len(l.Places) > 0 {
		l.Places[0].Set = append(l.Places[0].Set, "LD_PRELOAD="+r.Process.Preload)
	}
	r.suspiciousCommand(l)
	r.suspiciousTool(l)
}

// suspiciousCommand looks for what a command line says of who wrote it, also
// together with those that it is connected with.
func (r *runtimeRecord) suspiciousCommand(l *shell.Line) {
	set := commandRules()
	hits := append(set.match(l), r.pipedHits(set, l)...)
	hits = append(hits, r.fetchedHits(set, l)...)
	r.raiseCommands(hits, l)
	r.learnFacts(hits)
}

// commandArgs is how a process was started: its arguments, or else its program.
// Who starts a shell for a login puts a dash before its name.
func commandArgs(p *event.Process) []string {
	if len(p.Args) == 0 {
		if exe := cmp.Or(exeOf(p), p.Name); exe != "" {
			return []string{exe}
		}
		return nil
	}
	if name, ok := strings.CutPrefix(p.Args[0], "-"); ok && name != "" {
		return append([]string{name}, p.Args[1:]...)
	}
	return p.Args
}

// surroundings is what is known of the surroundings of a command.
type surroundings struct {
	// expected: by the making of an image, a package manager, a tool of
	// configuration management, or an agent in its own work.
	expected bool
	// starting: below the first process of a container that was just started.
	starting bool
	node     bool
}

func (r *runtimeRecord) surroundings() surroundings {
	return surroundings{
		expected: r.inImageBuild() || r.comesFrom(isPackageManager) || r.comesFrom(isConfigManager),
		starting: r.isStarting(),
		node:     r.Container == nil,
	}
}

// isConfigManager knows programs that bring machines into a wanted state.
func isConfigManager(p *event.Process) bool {
	switch baseOf(p) {
	case "cloud-init", "chef-client", "cinc-client", "puppet", "salt-minion", "salt-call", "ansible-playbook", "ansible-pull", "cfn-init", "cf-agent", "nodeadm",
		"google_guest_agent", "google_metadata_script_runner", "waagent", "ignition", "kubeadm", "d-i", "debootstrap", "mkosi", "packer", "amazon-ssm-agent", "ssm-document-worker":
		return true
	}
	for _, a := range p.Args[:min(len(p.Args), 3)] {
		if strings.Contains(a, "/AnsiballZ_") || strings.Contains(a, "/.ansible/tmp/") || strings.HasSuffix(a, "/cloud-init") || strings.HasSuffix(a, "/puppet") || strings.HasSuffix(a, "/salt-minion") {
			return true
		}
	}
	return false
}

// isStarting reports whether a container is still made ready by the program that
// it is started with. What is brought in from outside is none of that.
func (r *runtimeRecord) isStarting() bool {
	if r.Container == nil || r.Container.Start.IsZero() || r.ev.Time.Sub(r.Container.Start) > settling {
		return false
	}
	if r.Process.NamespacePID == 1 {
		return true
	}
	for i := range r.Ancestors {
		if a := &r.Ancestors[i]; a.NamespacePID == 1 && !isOnNode(a) {
			return true
		}
	}
	return false
}

// counts reports whether a rule makes a finding where the record is from.
func (r *runtimeRecord) counts(h commandHit, s surroundings) bool {
	switch h.when {
	case anywhere:
		return true
	case fact:
		return false
	}
	if s.expected {
		return false
	}
	if h.when == alone || h.when == inContainer && !s.node && !s.starting && !r.isOwnWork() {
		return true
	}
	return r.otherwiseSuspicious(h.typ)
}

// severeCommand is the suspicion of a command that is High by itself. Others are
// no reason to suspect what is ordinary.
const severeCommand = "a severe command"

// otherwiseSuspicious reports whether something else than findings of a type was
// wrong of late where the record is from.
func (r *runtimeRecord) otherwiseSuspicious(typ string) bool {
	return slices.ContainsFunc(r.suspicions(withinReach), func(what string) bool {
		return what != typ && !strings.HasSuffix(what, ":Runtime/SuspiciousCommand")
	})
}

// raiseCommands raises a finding for each tactic of what a command line says.
func (r *runtimeRecord) raiseCommands(hits []commandHit, l *shell.Line) {
	where := r.surroundings()
	var left []commandHit
	for _, h := range hits {
		if r.counts(h, where) {
			left = append(left, h)
		}
	}
	hits = left
	for len(hits) > 0 {
		typ, top := hits[0].typ, hits[0]
		var same, rest []commandHit
		for _, h := range hits {
			if h.typ != typ {
				rest = append(rest, h)
				continue
			}
			same = append(same, h)
			if h.severity > top.severity {
				top = h
			}
		}
		hits = rest
		s := r.claim(typ, top.family)
		r.tellCommand(s, top, same, l)
		r.raise(s)
		if top.severity >= 8 {
			r.suspect(severeCommand)
		}
	}
}

// tellCommand says what a command line means.
func (r *runtimeRecord) tellCommand(s *finding.Signal, top commandHit, all []commandHit, l *shell.Line) {
	if variesInSeverity(top.typ) {
		s.Severity = top.severity
	}
	c := s.Runtime.Context
	c.CommandLineExample, c.ScriptPath = top.fires[0], strings.Clone(r.Process.Script)
	if top.family == "history" && top.at < len(l.Places) {
		c.ShellHistoryFilePath = historyFile(l.Places[top.at].Words)
	}
	s.Title = fmt.Sprintf("A suspicious command was run in %s.", r.where())
	s.Description = fmt.Sprintf("%s in %s was started with a command that %s.", upper(processName(r.Process)), r.where(), top.says)
	var whys []string
	for _, h := range all {
		if why := fmt.Sprintf("it %s (%s)", h.says, h.name); !slices.Contains(whys, why) {
			whys = append(whys, why)
		}
	}
	s.Why = "the command line, parsed, says that " + strings.Join(whys, "; ")
	if text := decodedText(l); text != "" && !r.opts.HideCommandLines {
		s.Info = map[string]any{"decodedCommand": text}
	}
}

// variesInSeverity reports whether GuardDuty gives the findings of a type the
// severity of what was matched; the others have that of their type.
func variesInSeverity(typ string) bool {
	return strings.HasPrefix(typ, "Execution:") || strings.HasPrefix(typ, "DefenseEvasion:")
}

// historyFile is the file among words that holds the history of a shell.
func historyFile(words []string) string {
	for _, w := range words {
		if shell.GlobAny(commandRules().classes["histories"], w) && !strings.HasPrefix(w, "$") {
			return strings.Clone(w)
		}
	}
	return ""
}

// decodedText is what a line decodes and runs.
func decodedText(l *shell.Line) string {
	const limit = 1000
	var lines []string
	size := 0
	for i := range l.Places {
		if p := &l.Places[i]; p.How == shell.Decoded && size < limit {
			line := strings.Join(p.Words, " ")
			lines = append(lines, line)
			size += len(line)
		}
	}
	text := strings.ToValidUTF8(strings.Join(lines, "; "), "\uFFFD")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

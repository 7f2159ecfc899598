package console

import (
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// processNode is a process and the one that it started, down to the one that
// the finding is about.
type processNode struct {
	Name, Path, SHA256 string
	PID                int64
	User               int64
	Start              time.Time
	This               bool
	Child              *processNode
}

// maxLineage bounds a tree; a sensor keeps fewer.
const maxLineage = 30

// treeOf is the process of a finding below those that started it, the eldest first.
func treeOf(f *finding.Finding) *processNode {
	d := f.Service.RuntimeDetails
	if d == nil || d.Process == nil {
		return nil
	}
	p := d.Process
	tree := &processNode{Name: p.Name, Path: p.ExecutablePath, SHA256: p.ExecutableSHA256, PID: p.PID, User: p.UserID, Start: epoch(p.StartTime), This: true}
	for i, l := range p.Lineage { // the parent first
		if i == maxLineage {
			break
		}
		tree = &processNode{Name: l.Name, Path: l.ExecutablePath, PID: l.PID, User: l.UserID, Start: epoch(l.StartTime), Child: tree}
	}
	return tree
}

func epoch(e *finding.Epoch) time.Time {
	if e == nil {
		return time.Time{}
	}
	return e.Time
}

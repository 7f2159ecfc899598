// Package rules is the rule pack: Sigma rules that Vedette brings along, beside
// what is detected by code. They are data; internal/rule reads them.
package rules

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/rule"
)

//go:embed placeholders.yml kubernetes/*.yml aws/*.yml
var files embed.FS

// from begins the names of the pack's files, which lie in no folder.
const from = "pack:"

// Has reports whether a rule is one of the pack's.
func Has(r *rule.Rule) bool { return Brings(r.File) }

// Brings reports whether a file is one of the pack's, by its name.
func Brings(file string) bool { return strings.HasPrefix(file, from) }

// Files are the files of the pack. Each has one rule, or a correlation and the
// rules that it asks for, which are in force together or not at all.
func Files() ([]rule.File, error) {
	var out []rule.File
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		out = append(out, rule.File{Name: from + path, Data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the rule pack: %w", err)
	}
	return out, nil
}

// Without are the files of the pack of which no rule has one of the ids or
// finding types.
func Without(all []rule.File, named []string) []rule.File {
	if len(named) == 0 {
		return all
	}
	set, _ := rule.Load(all)
	off := map[string]bool{}
	for _, r := range set.Rules() {
		if slices.Contains(named, r.ID) || slices.Contains(named, r.Vedette.Type) {
			off[r.File] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(f rule.File) bool { return off[f.Name] })
}

package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licences are the texts that come with a program's parts.
type licences struct {
	texts map[string][]string // by module: the texts, each once
	ids   map[string]string   // by module: SPDX expression, "" where a text is not known
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|unlicense|patents)([.\-_].*)?$`)

// licencesOf gathers, for each module, the files about licences beside the
// packages that are linked and above them, up to the module's root.
func licencesOf(packages []linked, goroot string) (*licences, error) {
	l := &licences{texts: map[string][]string{}, ids: map[string]string{}}
	seen := map[string]bool{} // folders
	for _, p := range packages {
		if p.ofOurs {
			continue
		}
		dir, root := p.dir, p.moduleDir
		if p.standard {
			dir, root = goroot, goroot
		}
		for ; !seen[p.module+" "+dir]; dir = filepath.Dir(dir) {
			seen[p.module+" "+dir] = true
			if err := l.read(p.module, dir); err != nil {
				return nil, err
			}
			if dir == root {
				break
			}
		}
	}
	for _, p := range packages {
		if !p.ofOurs && len(l.texts[p.module]) == 0 {
			return nil, fmt.Errorf("the module %s has no file with its licence in %s; it may not be given away", p.module, p.moduleDir)
		}
	}
	for m, texts := range l.texts {
		l.ids[m] = expression(texts)
	}
	return l, nil
}

func (l *licences) read(module, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		text := strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n"))
		if text != "" && !slices.Contains(l.texts[module], text) {
			l.texts[module] = append(l.texts[module], text)
		}
	}
	return nil
}

// phrases are what a licence says and no other does.
func phrases() []struct{ id, phrase, without string } {
	return []struct{ id, phrase, without string }{
		{"Apache-2.0", "apache license version 2.0", ""},
		{"MPL-2.0", "mozilla public license version 2.0", ""},
		{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy", ""},
		{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that", ""},
		{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted, provided that", ""},
		{"BSD-3-Clause", "names of its contributors may be used to endorse", ""},
		{"BSD-3-Clause", "names of contributors may be used to endorse", ""},
		{"BSD-3-Clause", "neither the name", ""},
		{"BSD-2-Clause", "redistribution and use in source and binary forms", "used to endorse"},
		{"Unlicense", "this is free and unencumbered software released into the public domain", ""},
		{"CC0-1.0", "cc0 1.0 universal", ""},
	}
}

var space = regexp.MustCompile(`[\s,]+`)

// expression is the SPDX expression of some texts: all of what they name, since
// who gives the program away must keep each.
func expression(texts []string) string {
	ids := map[string]bool{}
	for _, text := range texts {
		flat := space.ReplaceAllString(strings.ToLower(text), " ")
		for _, p := range phrases() {
			if strings.Contains(flat, space.ReplaceAllString(p.phrase, " ")) && (p.without == "" || !strings.Contains(flat, p.without)) {
				ids[p.id] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(ids)), " AND ")
}

// thirdParty is the text that goes with a program: each licence once, with the
// modules that it is of.
func (l *licences) thirdParty(version func(module string) string) []byte {
	of := map[string][]string{} // modules by text
	for m, texts := range l.texts {
		for _, t := range texts {
			of[t] = append(of[t], m+" "+version(m))
		}
	}
	for _, modules := range of {
		slices.Sort(modules)
	}
	texts := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(cmp.Compare(of[a][0], of[b][0]), cmp.Compare(a, b)) })
	var out strings.Builder
	out.WriteString("This program contains software of others, under the licences below. Data of others are in NOTICE.\n")
	for _, t := range texts {
		fmt.Fprintf(&out, "\n%[1]s\n%[2]s\n%[1]s\n\n%[3]s\n", strings.Repeat("=", 79), strings.Join(of[t], "\n"), t)
	}
	return []byte(out.String())
}

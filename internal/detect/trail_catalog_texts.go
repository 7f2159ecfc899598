package detect

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed trail_catalog_texts.tsv
var catalogTextsTSV string

// catalogText is what findings of a rule say.
type catalogText struct{ title, matters string }

// catalogTexts are the texts by the name of the rule.
var catalogTexts = sync.OnceValue(func() map[string]catalogText {
	m := map[string]catalogText{}
	for line := range strings.Lines(catalogTextsTSV) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 && !strings.HasPrefix(line, "#") {
			m[f[0]] = catalogText{f[1], f[2]}
		}
	}
	return m
})

package detect

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/event"
)

//go:embed anomaly_trail_apis.tsv
var anomalyAPIsTSV string

// apiPurpose is what a call serves, and how much it is worth to look at.
type apiPurpose struct {
	tactic string // "" learns only
	risk   int    // tenths
}

// serviceAPIs are the calls of one service.
type serviceAPIs struct {
	names    map[string]apiPurpose
	prefixes []apiPrefix
}

type apiPrefix struct {
	text string
	apiPurpose
}

var anomalyAPIs = sync.OnceValue(func() map[string]*serviceAPIs { return parseAnomalyAPIs(anomalyAPIsTSV) })

func parseAnomalyAPIs(tsv string) map[string]*serviceAPIs {
	m := map[string]*serviceAPIs{}
	for line := range strings.Lines(tsv) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 4 || strings.HasPrefix(line, "#") {
			continue
		}
		p := apiPurpose{tactic: strings.TrimPrefix(f[0], "-")}
		p.risk, _ = strconv.Atoi(f[1])
		s := m[f[2]]
		if s == nil {
			s = &serviceAPIs{names: map[string]apiPurpose{}}
			m[f[2]] = s
		}
		for name := range strings.SplitSeq(f[3], " ") {
			if prefix, ok := strings.CutSuffix(name, "*"); ok {
				s.prefixes = append(s.prefixes, apiPrefix{prefix, p})
			} else if _, known := s.names[name]; !known {
				s.names[name] = p
			}
		}
	}
	return m
}

// purposeOf is what a management call is for: the table says so, or else its verb.
func purposeOf(t *event.Trail, reads bool) apiPurpose {
	name := apiName(t)
	if s := anomalyAPIs()[strings.TrimSuffix(t.Service, ".amazonaws.com")]; s != nil {
		if p, ok := s.names[name]; ok {
			return p
		}
		for i := range s.prefixes {
			if strings.HasPrefix(name, s.prefixes[i].text) {
				return s.prefixes[i].apiPurpose
			}
		}
	}
	switch {
	case reads:
		return apiPurpose{"Discovery", 10}
	case strings.HasPrefix(name, "Delete"), strings.HasPrefix(name, "Terminate"), strings.HasPrefix(name, "Purge"):
		return apiPurpose{"Impact", 10}
	}
	return apiPurpose{}
}

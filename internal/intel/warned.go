package intel

// Warned reports why a feed can name an entry by mistake only: a warning list
// has it or something that it covers, or it is of the most popular domains.
func (s *Set) Warned(entry string) (why string, ok bool) {
	r := resolver{}
	for _, p := range s.all() {
		if w := p.warnings(); w != nil {
			r.warnings = append(r.warnings, w)
		}
		if p.popular != nil {
			r.popular = append(r.popular, p.popular)
		}
	}
	if p, is := parsePrefix(entry); is {
		for _, w := range r.warnings {
			if c := w.meets(p); c != none {
				return w.because(c), true
			}
		}
		return "", false
	}
	name, below, err := parseName(entry)
	if err != nil { // a hash, or what others refuse
		return "", false
	}
	return r.warned(name, below)
}

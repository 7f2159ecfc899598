package intel

// Entries hands out all that lists of threats of the part say, in an order that
// depends on nothing but what they say, until yield returns false. An entry for
// a name and all below it comes twice.
func (p *Part) Entries(yield func(Hit) bool) {
	if p == nil || p.threats == nil {
		return
	}
	for i := range p.threats.entries {
		if i == 0 { // nobody's
			continue
		}
		if !yield(p.threats.hit(&p.threats.entries[i])) {
			return
		}
	}
}

// Part returns the part of a name, nil if the set has none.
func (s *Set) Part(name string) *Part {
	for _, p := range s.all() {
		if p.name == name {
			return p
		}
	}
	return nil
}

package intel

// Warned reports why a feed can name an entry by mistake only: a warning list
// has it or something that it covers, or it is of the most popular domains.
func (s *Set) Warned(entry string) (why string, ok bool) {
	var r resolver
	r.heed(s)
	if p, is := parsePrefix(entry); is {
		return r.warnedOf(p)
	}
	name, below, err := parseName(entry)
	if err != nil { // a hash, or what others refuse
		return "", false
	}
	return r.warned(name, below)
}

package intel

// Part is some lists of a set: what is built in and feeds, the operator's
// files, or the lists of the API. It never changes, so sets share it.
type Part struct {
	name             string
	threats, trusted *index
	// What few ask for is read when somebody does.
	warnings, networks, kinds func() *index
	popular                   func() *ranks  // nil if it has none
	more                      func() []*List // lists of these; nil if own has them

	own       []*List
	conflicts []Conflict
}

// ready is an index that was made already.
func ready(x *index) func() *index { return func() *index { return x } }

// Name is that under which the part was made.
func (p *Part) Name() string { return p.name }

// Lists are the lists of the part, in the order in which they were added.
func (p *Part) Lists() []List {
	all := p.own
	if p.more != nil {
		all = append(append([]*List{}, all...), p.more()...)
	}
	out := make([]List, 0, len(all))
	for _, l := range all {
		out = append(out, *l)
	}
	return out
}

// Conflicts are the first of the entries that met a warning list, or a range
// that the internet does not carry. [List.Refused] counts all that were not
// taken.
func (p *Part) Conflicts() []Conflict { return p.conflicts }

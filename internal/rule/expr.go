package rule

// expr is a compiled part of a rule. It may be asked of the matcher's event.
type expr interface {
	holds(*Matcher) bool
	// because adds what fulfils the part, where holds is true.
	because(*Matcher, *[]Reason)
}

// Reason is one thing for which an event fulfils a rule.
type Reason struct {
	Field string // "" for words anywhere in the record
	Value string
}

type allOf []expr

func (a allOf) holds(m *Matcher) bool {
	for _, e := range a {
		if !e.holds(m) {
			return false
		}
	}
	return true
}

func (a allOf) because(m *Matcher, out *[]Reason) {
	for _, e := range a {
		e.because(m, out)
	}
}

type anyOf []expr

func (a anyOf) holds(m *Matcher) bool {
	for _, e := range a {
		if e.holds(m) {
			return true
		}
	}
	return false
}

func (a anyOf) because(m *Matcher, out *[]Reason) {
	for _, e := range a {
		if e.holds(m) {
			e.because(m, out)
		}
	}
}

type not struct{ expr }

func (n not) holds(m *Matcher) bool { return !n.expr.holds(m) }

func (n not) because(*Matcher, *[]Reason) {}

// asks is what a rule asks of a field: that one of its values passes one of
// the tests, or with every that each test is passed by some value.
type asks struct {
	field int32
	tests []test
	every bool
	// needs are sets of folded texts: of each set a value must be one, or have
	// one in it.
	needs [][]need
}

// need is a text that must be there for a test to pass.
type need struct {
	text  string
	whole bool // it is the value
}

func (a *asks) holds(m *Matcher) bool {
	c := m.cell(a.field)
	if c.first < 0 {
		return false
	}
	if !a.every {
		for _, t := range a.tests {
			if passes(m, c, t) >= 0 {
				return true
			}
		}
		return false
	}
	for _, t := range a.tests {
		if passes(m, c, t) < 0 {
			return false
		}
	}
	return true
}

// passes returns the value that passes a test, or -1.
func passes(m *Matcher, c *cell, t test) int32 {
	for i := c.first; i >= 0; i = m.values[i].next {
		if t.match(m, &m.values[i]) {
			return i
		}
	}
	return -1
}

func (a *asks) because(m *Matcher, out *[]Reason) {
	c := m.cell(a.field)
	for _, t := range a.tests {
		if i := passes(m, c, t); i >= 0 {
			m.reason(a.field, i, out)
			if !a.every {
				return
			}
		}
	}
}

// maxReason bounds what is shown of a value.
const maxReason = 200

func (m *Matcher) reason(field, i int32, out *[]Reason) {
	v := m.values[i].text
	if len(v) > maxReason {
		v = v[:maxReason] + "…"
	}
	r := Reason{Field: m.view.fields[field].name, Value: string([]byte(v))}
	if r.Field == keywords {
		r.Value = "" // all of the record
	}
	for _, have := range *out {
		if have == r {
			return
		}
	}
	*out = append(*out, r)
}

// exists asks whether a field is there, whatever it is.
type exists struct {
	field int32
	want  bool
}

func (e exists) holds(m *Matcher) bool { return m.cell(e.field).there == e.want }

func (e exists) because(m *Matcher, out *[]Reason) {
	if c := m.cell(e.field); c.first >= 0 {
		m.reason(e.field, c.first, out)
	}
}

// isNull asks that a field has no value: it is not there, or null.
type isNull struct{ field int32 }

func (e isNull) holds(m *Matcher) bool { return m.cell(e.field).first < 0 }

func (isNull) because(*Matcher, *[]Reason) {}

// sameAs compares two fields: any value of one with any of the other.
type sameAs struct {
	field, with int32
	how         string // "", contains, startswith, endswith
	cased       bool
}

// maxPairs bounds the values of two fields that are compared with each other.
const maxPairs = 100_000

func (e sameAs) holds(m *Matcher) bool { return e.find(m) >= 0 }

func (e sameAs) find(m *Matcher) int32 {
	m.cell(e.with) // reading may move the values: both are read before they are walked
	a, b := m.cell(e.field), m.cell(e.with)
	pairs := 0
	for i := a.first; i >= 0; i = m.values[i].next {
		for j := b.first; j >= 0; j = m.values[j].next {
			if pairs++; pairs > maxPairs { // who writes the record must not choose how long it takes
				return -1
			}
			s, t := m.values[i].text, m.values[j].text
			if !e.cased {
				s = m.folded(&m.values[i])
				t = m.folded(&m.values[j])
			}
			if compareText(e.how, s, t) {
				return i
			}
		}
	}
	return -1
}

func (e sameAs) because(m *Matcher, out *[]Reason) {
	if i := e.find(m); i >= 0 {
		m.reason(e.field, i, out)
	}
}

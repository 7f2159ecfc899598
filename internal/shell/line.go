package shell

// Line is a script laid out: its commands in the order of the text, those of
// scripts within scripts after the command they belong to.
type Line struct {
	Places []Place
	Cut    bool
}

// Place is one command and where it stands.
type Place struct {
	*Command
	Pipe  *Pipe
	Index int // in the pipeline
	How   How // of the part around it

	written []string // Outputs, once asked for
	asked   bool
}

func (p *Place) outputs() []string {
	if !p.asked {
		p.written, p.asked = p.Outputs(), true
	}
	return p.written
}

// Flat lays a script out.
func (s *Script) Flat() *Line {
	l := &Line{Cut: s.Cut}
	s.Walk(func(c *Command, p *Pipe, i int, how How) {
		l.Places = append(l.Places, Place{Command: c, Pipe: p, Index: i, How: how})
	})
	return l
}

// Writes reports whether the command writes a file, by Outputs.
func (p *Place) Writes() bool { return len(p.outputs()) > 0 }

package console

import (
	"html"
	"html/template"
	"strconv"
	"strings"
)

// svg draws a picture. It is the only maker of markup outside the templates:
// names of elements and attributes are constants of this package, and every
// value passes through the escaper. Colours are classes, so that both themes
// and the content security policy, which forbids style attributes, hold.
type svg struct {
	b    strings.Builder
	open []string
}

// start begins an element; attributes are name, value, name, value.
func (s *svg) start(name string, attrs ...string) {
	s.tag(name, attrs)
	s.b.WriteByte('>')
	s.open = append(s.open, name)
}

// leaf writes an element without content.
func (s *svg) leaf(name string, attrs ...string) {
	s.tag(name, attrs)
	s.b.WriteString("/>")
}

// words writes an element that holds text.
func (s *svg) words(name, text string, attrs ...string) {
	s.start(name, attrs...)
	s.b.WriteString(html.EscapeString(strings.ToValidUTF8(text, "\ufffd")))
	s.end()
}

func (s *svg) end() {
	n := len(s.open) - 1
	s.b.WriteString("</" + s.open[n] + ">")
	s.open = s.open[:n]
}

func (s *svg) tag(name string, attrs []string) {
	s.b.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		s.b.WriteString(" " + attrs[i] + `="` + html.EscapeString(strings.ToValidUTF8(attrs[i+1], "\ufffd")) + `"`)
	}
}

// done closes what is open and returns the picture.
func (s *svg) done() template.HTML {
	for len(s.open) > 0 {
		s.end()
	}
	return template.HTML(s.b.String())
}

// picture begins an SVG with the names that a screen reader reads. It is a
// group rather than one image, so that it may have links.
func picture(class, title, description string, width, height int) *svg {
	s := new(svg)
	w, h := strconv.Itoa(width), strconv.Itoa(height)
	s.start("svg", "xmlns", "http://www.w3.org/2000/svg", "class", class, "viewBox", "0 0 "+w+" "+h, "width", w, "height", h, "role", "group", "aria-label", title)
	s.words("title", title)
	s.words("desc", description)
	return s
}

// px writes a length.
func px(n int) string { return strconv.Itoa(n) }

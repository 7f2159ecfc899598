package console

import (
	"fmt"
	"html/template"
	"time"
)

// bar is one bucket of findings over time.
type bar struct {
	Label  string // as the table beside the picture names it
	From   time.Time
	Href   string         // the findings that it counts
	Counts map[string]int // by severity's word
}

func (b *bar) total() (n int) {
	for _, c := range b.Counts {
		n += c
	}
	return n
}

// severities are the words for severities, gravest first.
func severities() []string { return []string{"Critical", "High", "Medium", "Low"} }

// Measures of a bar chart in its own units.
const (
	barsWidth, barsHeight = 960, 180
	barsLeft, barsBottom  = 44, 22 // room for the scale and the dates
)

// drawBars draws stacked bars, the gravest at the bottom, each a link.
func drawBars(title string, bars []bar) template.HTML {
	top := 1
	for i := range bars {
		top = max(top, bars[i].total())
	}
	top = niceTop(top)
	s := picture("bars", title, "A stacked bar for each time, gravest findings lowest. The table below the picture has the numbers.", barsWidth, barsHeight)
	plot := barsHeight - barsBottom - 8
	y := func(n int) int { return 8 + plot - n*plot/top }
	for _, n := range []int{0, top / 2, top} {
		s.leaf("line", "class", "grid", "x1", px(barsLeft), "x2", px(barsWidth), "y1", px(y(n)), "y2", px(y(n)))
		s.words("text", number(n), "class", "scale", "x", px(barsLeft-8), "y", px(y(n)+4), "text-anchor", "end")
	}
	step := (barsWidth - barsLeft) / max(len(bars), 1)
	for i := range bars {
		drawBar(s, &bars[i], barsLeft+i*step, step, y)
		if every := max(1, len(bars)/8); i%every == 0 {
			s.words("text", bars[i].From.UTC().Format("Jan 2"), "class", "scale", "x", px(barsLeft+i*step), "y", px(barsHeight-4))
		}
	}
	return s.done()
}

func drawBar(s *svg, b *bar, x, step int, y func(int) int) {
	if b.total() == 0 {
		return
	}
	what := fmt.Sprintf("%s: %s", b.Label, plural(b.total(), "finding", "findings"))
	s.start("a", "href", b.Href, "aria-label", what)
	s.words("title", what)
	below := 0
	for _, sev := range severities() {
		n := b.Counts[sev]
		if n == 0 {
			continue
		}
		from, to := y(below), y(below+n)
		below += n
		s.leaf("rect", "class", "fill-"+sev, "x", px(x), "y", px(to), "width", px(max(step-2, 1)), "height", px(max(from-to, 1)))
	}
	s.end()
}

// niceTop is the least of 2, 4, 10, 20, 40, 100, … that is at least n.
func niceTop(n int) int {
	for f := 1; ; f *= 10 {
		for _, m := range []int{2, 4, 10} {
			if m*f >= n {
				return m * f
			}
		}
	}
}

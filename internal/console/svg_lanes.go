package console

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Measures of a picture of lanes in its own units.
const (
	lanesChars  = 36 // of a name have room
	charWidth   = 7
	lanesGutter = 60 // room for the links between lanes
	lanesTop    = 34
	laneHeight  = 34
	laneStep    = 30 // from one signal to the next
	laneMark    = 11 // radius
)

// drawLanes draws a lane for each entity and a column for each signal, in order
// of time: a column, not a scale, since an attack waits for hours and then acts
// within seconds. A signal is a numbered mark on the lane of whoever did it,
// joined to dots on the lanes of all others that it names. Links between
// entities are brackets beside the names.
func drawLanes(title string, list []laneEntity, signals []signalView, links [][2]string) template.HTML {
	if len(list) == 0 || len(signals) == 0 {
		return ""
	}
	at := map[string]int{}
	for i, e := range list {
		at[e.ID] = i
	}
	left := 16
	for _, e := range list {
		left = max(left, 16+charWidth*min(utf8.RuneCountInString(shown(clip(lanesChars, e.Name))), lanesChars+1))
	}
	if len(links) > 0 {
		left += lanesGutter
	}
	width, height := left+len(signals)*laneStep+20, lanesTop+len(list)*laneHeight+30
	s := picture("lanes", title, fmt.Sprintf("%s for %s, from left to right in order of time. The list below the picture says the same.",
		plural(len(list), "lane", "lanes"), plural(len(signals), "signal", "signals")), width, height)
	y := func(lane int) int { return lanesTop + lane*laneHeight + laneHeight/2 }
	for i, e := range list {
		s.leaf("line", "class", "grid", "x1", px(left), "x2", px(width-10), "y1", px(y(i)), "y2", px(y(i)))
		drawLaneName(s, &e, y(i))
	}
	drawLaneLinks(s, links, left-6, at, y)
	drawLaneTimes(s, signals, left, height-8)
	for i := range signals {
		drawSignal(s, &signals[i], left+i*laneStep+laneStep/2, at, y)
	}
	return s.done()
}

func drawLaneName(s *svg, e *laneEntity, y int) {
	if e.Page.Known() {
		s.start("a", "href", e.Page.Href())
		defer s.end()
	}
	s.start("text", "class", "lane", "x", "4", "y", px(y+4))
	s.words("title", shown(clip(160, e.Name)))
	s.words("tspan", shown(clip(lanesChars, e.Name)))
	s.end()
}

// drawLaneLinks draws a bracket for each link, each a little further out.
func drawLaneLinks(s *svg, links [][2]string, x int, at map[string]int, y func(int) int) {
	n := 0
	for _, l := range links {
		a, ok := at[l[0]]
		b, also := at[l[1]]
		if !ok || !also || n == 6 {
			continue
		}
		out := x - 8 - n*8
		n++
		s.leaf("path", "class", "link", "d", fmt.Sprintf("M%d %dH%dV%dH%d", x, y(a), out, y(b), x))
		s.leaf("circle", "class", "link-end", "cx", px(x), "cy", px(y(b)), "r", "3")
	}
}

// drawLaneTimes writes the time of every fourth column, and the day where it changes.
func drawLaneTimes(s *svg, signals []signalView, left, y int) {
	day := ""
	for i := range signals {
		t := signals[i].First.UTC()
		x := left + i*laneStep + laneStep/2
		if d := t.Format("Jan 2"); d != day {
			s.words("text", d, "class", "scale", "x", px(x-laneMark), "y", "14")
			day = d
		}
		if i%3 == 0 {
			s.words("text", t.Format("15:04:05"), "class", "scale", "x", px(x-laneMark), "y", px(y))
		}
	}
}

func drawSignal(s *svg, g *signalView, x int, at map[string]int, y func(int) int) {
	var rows []int
	for _, e := range g.all {
		if lane, ok := at[e.ID]; ok && !slices.Contains(rows, lane) {
			rows = append(rows, lane)
		}
	}
	if len(rows) == 0 {
		return
	}
	main := rows[0] // who did it
	if g.Href != "" {
		s.start("a", "href", g.Href)
		defer s.end()
	} else {
		s.start("g")
		defer s.end()
	}
	s.words("title", fmt.Sprintf("%d. %s, %s", g.N, shown(clip(160, g.Name)), stamp(g.First)))
	if len(rows) > 1 {
		s.leaf("line", "class", "joins", "x1", px(x), "x2", px(x), "y1", px(y(slices.Min(rows))), "y2", px(y(slices.Max(rows))))
	}
	dots := "" // lines of no length with round ends: there are hundreds
	for _, r := range rows[1:] {
		dots += fmt.Sprintf("M%d %dh0", x, y(r))
	}
	if dots != "" {
		s.leaf("path", "class", "dots", "d", dots)
	}
	class := "mark fill-" + severity(g.Severity)
	if g.Weak {
		class = "mark weak"
	}
	s.leaf("circle", "class", class, "cx", px(x), "cy", px(y(main)), "r", px(laneMark))
	text := "on-mark"
	if g.Weak {
		text = "on-weak"
	}
	s.words("text", strconv.Itoa(g.N), "class", text, "x", px(x), "y", px(y(main)+4), "text-anchor", "middle")
}

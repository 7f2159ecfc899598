package console

import (
	"fmt"
	"html/template"
)

// usageColours is how many colours the style sheet has for sources.
const usageColours = 5

// drawUsage draws a stacked bar for each day, the most used source lowest.
func drawUsage(title string, sources []usageRow, days []usageDayRow) template.HTML {
	top := 1
	for i := range days {
		top = max(top, int(days[i].Total))
	}
	top = niceTop(top)
	const left = 76 // numbers are long
	s := picture("bars", title, "A stacked bar for each day, the most used source lowest. The table below the picture has the numbers.", barsWidth, barsHeight)
	plot := barsHeight - barsBottom - 8
	y := func(n int64) int { return 8 + plot - int(n*int64(plot)/int64(top)) }
	for _, n := range []int64{0, int64(top / 2), int64(top)} {
		s.leaf("line", "class", "grid", "x1", px(left), "x2", px(barsWidth), "y1", px(y(n)), "y2", px(y(n)))
		s.words("text", number(n), "class", "scale", "x", px(left-8), "y", px(y(n)+4), "text-anchor", "end")
	}
	step := (barsWidth - left) / max(len(days), 1)
	for i := range days {
		d := &days[i]
		below := int64(0)
		for j, n := range d.Counts {
			if n == 0 {
				continue
			}
			from, to := y(below), y(below+n)
			below += n
			s.start("g")
			s.words("title", fmt.Sprintf("%s: %s of %s", d.Day.Format("Jan 2"), number(n), sources[j].Name()))
			s.leaf("rect", "class", fmt.Sprintf("use-%d", sources[j].Class), "x", px(left+i*step), "y", px(to), "width", px(max(step-2, 1)), "height", px(max(from-to, 1)))
			s.end()
		}
		if every := max(1, len(days)/8); i%every == 0 {
			s.words("text", d.Day.Format("Jan 2"), "class", "scale", "x", px(left+i*step), "y", px(barsHeight-4))
		}
	}
	return s.done()
}

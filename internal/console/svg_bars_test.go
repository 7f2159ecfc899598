package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// What a picture says is the sum of what its bars count, the gravest lowest.
func TestDrawBars(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	bars := []bar{
		{Label: "Sun, Mar 1", From: day, Href: "/console/findings?from=a&to=b", Counts: map[string]int{"Critical": 5, "Low": 15}},
		{Label: "none", From: day.AddDate(0, 0, 1), Href: "/x", Counts: map[string]int{}},
		{Label: "\"><b>", From: day.AddDate(0, 0, 2), Href: "/y\"><b>", Counts: map[string]int{"Medium": 1}},
	}
	doc, err := html.Parse(strings.NewReader(string(drawBars("the <title>", bars))))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for n := range doc.Descendants() {
		at := map[string]string{}
		for _, a := range n.Attr {
			at[a.Key] = a.Val
		}
		switch n.Data {
		case "a":
			got = append(got, at["href"]+" "+at["aria-label"])
		case "rect":
			got = append(got, fmt.Sprintf("%s from %s, high %s", at["class"], at["y"], at["height"]))
		case "b":
			t.Error("a label became an element")
		}
	}
	const want = `/console/findings?from=a&to=b Sun, Mar 1: 20 findings
fill-Critical from 121, high 37
fill-Low from 8, high 113
/y"><b> "><b>: 1 finding
fill-Medium from 151, high 7`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	for n, top := range map[int]int{0: 2, 2: 2, 3: 4, 5: 10, 11: 20, 41: 100, 100: 100} {
		if got := niceTop(n); got != top {
			t.Errorf("niceTop(%d) = %d, want %d", n, got, top)
		}
	}
}

package browser

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
)

// screenshots is where TestScreenshots writes pictures; it takes none without.
var screenshots = flag.String("screenshots", "", "folder to write pictures of the console's pages into")

// maxPicture is how large a picture in the documentation may be, in bytes.
const maxPicture = 200 << 10

// TestScreenshots takes the pictures of the documentation.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no folder for them was given")
	}
	s := start(t, func(*config.Config) {})
	s.enable()
	s.attack(attacks())
	s.until("an attack sequence is told", func() bool { return len(s.findings("resource.resourceType", "AttackSequence")) > 0 })
	b := s.in(t, launch(t), access.RoleAdmin)
	of := func(typ string) string {
		ids := s.findings("type", typ)
		if len(ids) == 0 {
			t.Fatalf("there is no finding of %s", typ)
		}
		return "/console/findings/" + ids[0]
	}
	for _, shot := range []struct{ name, at, scheme string }{
		{"overview", "/console/", "light"},
		{"overview-dark", "/console/", "dark"},
		{"findings", "/console/findings?severity=Critical&severity=High", "light"},
		{"finding", of("CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed"), "light"},
		{"sequence", of("AttackSequence:EKS/CompromisedCluster"), "light"},
		{"entity", of("CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed"), "light"},
		{"matrix", "/console/matrix", "light"},
		{"coverage", "/console/coverage", "light"},
	} {
		b.scheme(shot.scheme)
		b.open(shot.at)
		switch shot.name {
		case "sequence":
			b.eval(`document.querySelector("#h-lanes").scrollIntoView()`, nil)
		case "entity":
			b.follow(`[aria-label="Named by this finding"] a`)
		}
		var shown []byte
		b.run(chromedp.CaptureScreenshot(&shown))
		small := fewColors(t, shown)
		if len(small) > maxPicture {
			t.Errorf("%s has %d bytes", shot.name, len(small))
		}
		if err := os.WriteFile(filepath.Join(*screenshots, shot.name+".png"), small, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fewColors writes a picture with the 256 colors that it has most of, which are
// nearly all that a page has, compressed well.
func fewColors(t *testing.T, data []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	// Shades that differ by less than anybody sees are one.
	shade := func(x, y int) color.RGBA {
		r, g, b, _ := full.At(x, y).RGBA()
		return color.RGBA{uint8(r>>8) | 3, uint8(g>>8) | 3, uint8(b>>8) | 3, 255}
	}
	count := map[color.RGBA]int{}
	box := full.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			count[shade(x, y)]++
		}
	}
	few := image.NewPaletted(box, mostFrequent(count, 256))
	nearest := map[color.RGBA]uint8{}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			c := shade(x, y)
			i, known := nearest[c]
			if !known {
				i = uint8(few.Palette.Index(c))
				nearest[c] = i
			}
			few.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// mostFrequent are the n colors that there are most of.
func mostFrequent(count map[color.RGBA]int, n int) color.Palette {
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var out color.Palette
	for _, c := range all[:min(n, len(all))] {
		out = append(out, c)
	}
	return out
}

package browser

import (
	"context"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
)

// TestConsole is what people do in the console, one journey after the other, on
// a server that real records of attacks have been sent to.
func TestConsole(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser and a server with attacks take half a minute")
	}
	browser := launch(t)
	t.Run("first login", func(t *testing.T) { testFirstLogin(t, browser) })
	t.Run("coverage", func(t *testing.T) { testCoverage(t, browser) })
	s := start(t, func(*config.Config) {})
	s.enable()
	s.attack(attacks())
	s.until("an attack sequence is told", func() bool { return len(s.findings("resource.resourceType", "AttackSequence")) > 0 })
	for _, journey := range []struct {
		name string
		test func(*testing.T, *server, context.Context)
	}{
		{"filter and share", testFilterAndShare},
		{"open", testOpen},
		{"archive", testArchive},
		{"bulk", testBulk},
		{"suppress", testSuppress},
		{"sequence", testSequence},
		{"entity", testEntity},
		{"matrix", testMatrix},
		{"export", testExport},
		{"live", testLive},
		{"keys", testKeys},
		{"keyboard", testKeyboard},
		{"without script", testWithoutScript},
		{"phone", testPhone},
		{"hostile names", testHostile},
		{"pages", testPages},
	} {
		t.Run(journey.name, func(t *testing.T) { journey.test(t, s, browser) })
	}
}

// quietSoon lets sources fall silent after a second.
func quietSoon(c *config.Config) { c.Ingest.QuietAfter = time.Second }

// testFirstLogin: the link that a server tells at its very first start lets in,
// once, and the console helps with what is next.
func testFirstLogin(t *testing.T, browser context.Context) {
	s := start(t, func(*config.Config) {})
	link := s.app.ConsoleURL()
	b := s.tab(t, browser)
	b.open("/console/findings")
	if b.path() != "/console/login?next=%2Fconsole%2Ffindings" {
		t.Errorf("a stranger is at %s", b.path())
	}
	b.login(link)
	b.says("No detector yet")
	b.follow(`form[action="/console/detector"] button`)
	b.says("Overview", "ingest")
	if b.path() != "/console/" {
		t.Errorf("after the detector was made it is at %s", b.path())
	}

	other := s.tab(t, browser)
	other.open(link)
	other.says("This login link was used already or is too old.")
	b.follow(`form[action="/console/logout"] button`)
	b.says("Log in")
	b.open("/console/")
	b.says("Access key ID")
}

package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel/feed"
)

// TestOwnFeed: what the configuration says of a feed of one's own is what it is.
func TestOwnFeed(t *testing.T) {
	c := config.Default()
	c.Intelligence.Feeds.Use = []string{"tor-relays"}
	c.Intelligence.Feeds.Own = []config.Feed{{
		Name: "ours", URL: "https://intel.example.com/x.csv", Columns: []string{"when", "ip"},
		Threat: []config.ThreatWord{{Word: "tor*", Category: "tor-exit"}, {Word: "test", Category: "-"}},
	}}
	sources, err := FeedSources(c)
	if err != nil || len(sources) != 2 {
		t.Fatalf("%d feeds: %v", len(sources), err)
	}
	want := feed.Source{
		Name: "ours", Title: "ours", URL: "https://intel.example.com/x.csv", Category: "malicious", Columns: []string{"when", "ip"},
		Threats: []feed.Threat{{Word: "tor*", Category: "tor-exit"}, {Word: "test", Category: "-"}},
	}
	if d := cmp.Diff(want, sources[1]); d != "" {
		t.Error(d)
	}
	if err := CheckFeeds(c); err != nil {
		t.Error(err)
	}
	c.Intelligence.Feeds.Own[0].Columns = []string{"when", "what"}
	if err := CheckFeeds(c); err == nil {
		t.Error("no column holds anything, and no fault")
	}
}

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestIntelligence: what is written is what is meant, and nothing else changes.
func TestIntelligence(t *testing.T) {
	c, err := Parse([]byte(`intelligence:
  feeds:
    enabled: false
    use: [tor-relays]
    skip: [cins-army]
    secrets: {urlhaus: /etc/vedette/urlhaus.key}
    own:
    - {name: ours, url: "http://10.0.0.1/list.txt", private: true, category: c2, refresh: 1h, secretFile: /k, user: u, threat: [{word: "tor*", category: tor-exit}, {word: test, category: "-"}], columns: [when, ip]}
  listFolders: [/srv/lists]
  listBuckets: {region: eu-central-1, endpoint: "http://127.0.0.1:9000", pathStyle: true}
  geo: {city: city.mmdb}
  history: {days: 0, maxBytes: 1048576}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Intelligence = Intelligence{
		Feeds: Feeds{
			Use: []string{"tor-relays"}, Skip: []string{"cins-army"}, Secrets: map[string]string{"urlhaus": "/etc/vedette/urlhaus.key"},
			Own: []Feed{{Name: "ours", URL: "http://10.0.0.1/list.txt", Private: true, Category: "c2", Refresh: time.Hour, SecretFile: "/k", User: "u", Threat: []ThreatWord{{"tor*", "tor-exit"}, {"test", "-"}}, Columns: []string{"when", "ip"}}},
		},
		ListFolders: []string{"/srv/lists"}, ListBuckets: Access{Region: "eu-central-1", Endpoint: "http://127.0.0.1:9000", PathStyle: true},
		Geo: Geo{City: "city.mmdb"}, History: History{MaxBytes: 1 << 20},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

func TestIntelligenceFaults(t *testing.T) {
	own := func(text string) string { return `intelligence: {feeds: {own: [` + text + `]}}` }
	for in, want := range map[string]string{
		`intelligence: {listFolders: [lists]}`:                                    `intelligence.listFolders[0]: "lists" is not an absolute path`,
		`intelligence: {listBuckets: {region: moon}}`:                             "intelligence.listBuckets.region",
		`intelligence: {listBuckets: {endpoint: "x:9"}}`:                          "intelligence.listBuckets.endpoint",
		`intelligence: {history: {days: -1}}`:                                     "intelligence.history.days: -1 is not between 0 and 3650",
		`intelligence: {history: {maxBytes: 1}}`:                                  "intelligence.history.maxBytes: 1 is less than a mebibyte",
		`intelligence: {history: {days: 90d}}`:                                    `intelligence.history.days: "90d" is not a whole number`,
		`intelligence: {feeds: {enabled: maybe}}`:                                 `"maybe" is not true or false`,
		own(`{url: "https://example.com/x"}`):                                     "intelligence.feeds.own[0].name: is missing",
		own(`{name: a, url: example.com}`):                                        "intelligence.feeds.own[0].url: it is not a URL such as https://",
		own(`{name: a, url: "ftp://example.com/x"}`):                              "intelligence.feeds.own[0].url: it is not a URL",
		own(`{name: a, url: "http://example.com/x"}`):                             "use https, or set private: true",
		own(`{name: a, url: "https://h/x", category: evil}`):                      `intelligence.feeds.own[0].category: "evil" is not known; use one of custom, `,
		own(`{name: a, url: "https://h/x", threat: [{word: x, category: y}]}`):    `intelligence.feeds.own[0].threat[0].category: "y" is not known; use one of custom, `,
		own(`{name: a, url: "https://h/x", threat: [{word: "*", category: c2}]}`): `intelligence.feeds.own[0].threat[0].word: name a word of the list`,
		own(`{name: a, url: "https://h/x", refresh: daily}`):                      `intelligence.feeds.own[0].refresh: "daily" is not a time such as 30s`,
		own(`{name: a, url: "https://h/x"}, {name: a, url: "https://i/"}`):        `intelligence.feeds.own[1].name: "a" is there twice`,
		own(`{name: a, url: "https://h/x", secret: geheim}`):                      "secret is not a key here",
	} {
		_, err := Parse([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", in, err, want)
		}
	}
	if _, err := Parse([]byte(own(`{name: a, url: "https://me:geheim@/x"}`))); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("a password is shown: %v", err)
	}
}

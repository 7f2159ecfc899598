package intel

import "time"

// Kind says whose list it is.
type Kind string

// The kinds of lists.
const (
	KindBuiltin  Kind = "builtin"
	KindFeed     Kind = "feed"     // fetched from somebody who publishes it
	KindOperator Kind = "operator" // a file that the configuration names
	KindAPI      Kind = "api"      // activated through the API
)

// Holds says what a list is for. Any other word than these is a kind of domain,
// such as dynamic-dns or url-shortener.
type Holds string

// What lists hold.
const (
	HoldsThreats  Holds = "threats"
	HoldsTrusted  Holds = "trusted"  // what no list shall flag
	HoldsWarnings Holds = "warning"  // what a feed names by mistake only
	HoldsNetworks Holds = "networks" // of clouds and CDNs
	HoldsPopular  Holds = "popular"  // domains in the order of their popularity
)

// isRole reports whether lists of h are more than of a kind of domain.
func isRole(h Holds) bool {
	switch h {
	case HoldsThreats, HoldsTrusted, HoldsWarnings, HoldsNetworks, HoldsPopular:
		return true
	}
	return false
}

// Match says what a domain of a list stands for. An entry that starts with
// "*." or "." stands for everything below, whatever the list says.
type Match uint8

// How domains of a list match.
const (
	MatchExact      Match = iota // the name alone
	MatchBelow                   // the name and all below it
	MatchRegistered              // its registered domain and all below that
)

// List is what is known of a list itself.
type List struct {
	Name     string     `json:"name"` // as findings show it
	Kind     Kind       `json:"kind"`
	Holds    Holds      `json:"holds"`              // threats if it is not said
	Category Category   `json:"category,omitempty"` // of entries that do not say theirs
	Seen     []Category `json:"categories,omitempty"`
	Match    Match      `json:"-"`
	Entries  int        `json:"entries"` // that it has in the set
	Refused  int        `json:"refused"` // that warning lists kept out
	Date     string     `json:"date,omitempty"`
	Source   string     `json:"source,omitempty"`
	Licence  string     `json:"licence,omitempty"`
	SHA256   string     `json:"sha256,omitempty"` // of the file, in hex
	State    string     `json:"state"`            // "active" if it is not said
}

// Day is a date in days since 1970; 0 is none.
type Day uint16

// DayOf is the date of a moment, in UTC; none before 1970 and after 2149.
func DayOf(t time.Time) Day {
	n := t.Unix() / (24 * 60 * 60)
	if n < 0 || n > 1<<16-1 {
		return 0
	}
	return Day(n)
}

// Time is the start of the day; the zero time for none.
func (d Day) Time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Unix(int64(d)*24*60*60, 0).UTC()
}

// String is the date as 2006-01-02; "" for none.
func (d Day) String() string {
	if d == 0 {
		return ""
	}
	return d.Time().Format(time.DateOnly)
}

// Fact is what a list says of one entry; all of it may be missing.
type Fact struct {
	Category   Category // that of the list if it is missing
	Names      []string // of threats, such as "Log4j Related"
	FirstSeen  Day
	LastSeen   Day
	Expires    Day   // from then on the entry says nothing anymore
	Confidence uint8 // in percent
}

// Hit is an entry of a list that matched.
type Hit struct {
	List       string // its name
	Category   Category
	Names      []string // of threats, such as "Log4j Related"
	Entry      string   // as the list has it
	Of         *List    // more of the list
	FirstSeen  Day
	LastSeen   Day
	Expires    Day
	Confidence uint8 // in percent; 0 if the list does not say
}

// SHA256 is that of the list's file, in hex, "" if there is none.
func (h *Hit) SHA256() string {
	if h.Of == nil {
		return ""
	}
	return h.Of.SHA256
}

// Expired reports whether the entry said nothing anymore at a moment, which
// for detection is the time of the event.
func (h *Hit) Expired(at time.Time) bool { return h.Expires != 0 && !at.Before(h.Expires.Time()) }

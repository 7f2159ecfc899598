package event

// Indicators are entries that lists have from now on: addresses, prefixes and
// domains that nobody knew to be bad before. They are no record of anybody's
// log; the installation tells them itself, through the journal like all else,
// so that they are compared with the past once and in their place.
type Indicators struct {
	List []Indicator
}

// Indicator is one entry of a list.
type Indicator struct {
	Category string `json:"category"`
	Entry    string `json:"entry"` // as the list has it
	List     string `json:"list"`  // its name, as findings show it
	// Below: a domain stands for all names below it, too.
	Below bool     `json:"below,omitempty"`
	Names []string `json:"names,omitempty"` // of threats
	// SHA256 is that of the list's file, in hex.
	SHA256 string `json:"sha256,omitempty"`
}

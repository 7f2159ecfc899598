package event

// Feedback names findings whose feedback changed. Like Indicators it is no
// record of anybody's log: the installation tells it to itself, through the
// journal, so that what is learned of it has its place among the records.
type Feedback struct {
	Findings []FeedbackOn
}

// FeedbackOn is one finding that somebody gave feedback on. What was said is
// in the store, and counts as it is there when this is judged.
type FeedbackOn struct {
	Detector string `json:"detector"`
	Finding  string `json:"finding"` // its id
}

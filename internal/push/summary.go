package push

import "maps"

// Summary accounts for what was sent. Every record that was read is sent,
// refused or, where the sending ended early, unsent.
type Summary struct {
	Files   int   `json:"files"`
	Records int64 `json:"records"`
	Sent    int64 `json:"sent"`
	// Malformed are those of the sent ones that the server counts as malformed.
	Malformed int64            `json:"malformed"`
	Refused   int64            `json:"refused"`
	Unsent    int64            `json:"unsent"`
	Reasons   map[string]int64 `json:"reasons,omitempty"` // of the refused
	Bytes     int64            `json:"bytes"`             // read, after decompression
	Posted    int64            `json:"posted"`            // bytes sent, compressed
	Bodies    int64            `json:"bodies"`
	Retries   int64            `json:"retries"`
	Seconds   float64          `json:"seconds"`
}

func (s *Summary) refuse(t tally, reason string) {
	if s.Reasons == nil {
		s.Reasons = map[string]int64{}
	}
	s.Refused += t.records
	s.Reasons[reason] += t.records
}

// Whole reports whether nothing was lost that could be read.
func (s *Summary) Whole() bool { return s.Unsent == 0 && s.Reasons[reasonTooLarge] == 0 }

// clone is a copy that stays as it is.
func (s *Summary) clone() Summary {
	out := *s
	out.Reasons = maps.Clone(s.Reasons)
	return out
}

func (s *Summary) add(o Summary) {
	s.Records += o.Records
	s.Sent += o.Sent
	s.Malformed += o.Malformed
	s.Refused += o.Refused
	s.Unsent += o.Unsent
	s.Bytes += o.Bytes
	s.Posted += o.Posted
	s.Bodies += o.Bodies
	s.Retries += o.Retries
	for reason, n := range o.Reasons {
		if s.Reasons == nil {
			s.Reasons = map[string]int64{}
		}
		s.Reasons[reason] += n
	}
}

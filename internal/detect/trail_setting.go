package detect

import "time"

// setting is what a call told of something that stays as it is until the next
// call. CloudTrail's files are in no order, so what is told later by event time
// stands, whenever it comes: in the end the same is remembered in any order.
type setting[T any] struct {
	Value *T    `json:"value,omitempty"` // nil while no call told
	At    int64 `json:"at,omitempty"`    // Unix seconds
}

// before is what was in force when a call was made; nil if nobody knows, also
// where only a later call told.
func (s setting[T]) before(at time.Time) *T {
	if s.At > at.Unix() {
		return nil
	}
	return s.Value
}

// tell takes up what a call told.
func (s *setting[T]) tell(v T, at time.Time) {
	if s.Value == nil || s.At <= at.Unix() {
		*s = setting[T]{&v, at.Unix()}
	}
}

package finding

// Limits of the criteria grammar.
const (
	MaxCriteriaFields = 50 // fields that one set of criteria may name
	MaxConditionItems = 50 // values of one equals, notEquals, matches or notMatches
)

// Criteria are conditions by field name; all of them must hold. No criteria
// hold for every finding. Compile says what they mean, Validate where they may
// be used, DecodeCriteria and EncodeCriteria how they stand on the wire.
type Criteria map[string]Condition

// Condition is one field's condition; all members that are asked must hold.
// A nil slice or pointer is "not asked".
//
// A field may have many values (the groups of a user, the addresses of a
// call). Equals, Matches and the comparisons hold when any value satisfies
// them, NotEquals and NotMatches when none does. So a field that a finding
// does not have satisfies only the two negations.
//
// The deprecated wire twins (eq, neq, gt, gte, lt, lte) are read into the same members.
type Condition struct {
	Equals    []string `json:"equals,omitempty"`
	NotEquals []string `json:"notEquals,omitempty"`
	// Matches and NotMatches hold patterns: * is any run of characters, ? at
	// most one. Only filters may use them.
	Matches    []string `json:"matches,omitempty"`
	NotMatches []string `json:"notMatches,omitempty"`
	// The comparisons are for number fields and, in Unix milliseconds, for
	// timestamp fields.
	GreaterThan        *float64 `json:"greaterThan,omitempty"`
	GreaterThanOrEqual *float64 `json:"greaterThanOrEqual,omitempty"`
	LessThan           *float64 `json:"lessThan,omitempty"`
	LessThanOrEqual    *float64 `json:"lessThanOrEqual,omitempty"`
}

// CriteriaError says which field of criteria (or of a sort order) is wrong,
// and why. Field is empty when the fault is not one field's.
type CriteriaError struct {
	Field  string
	Reason string
}

// Error names the field and the reason in one sentence.
func (e *CriteriaError) Error() string {
	if e.Field == "" {
		return "criteria: " + e.Reason
	}
	return "criterion " + e.Field + ": " + e.Reason
}

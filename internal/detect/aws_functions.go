package detect

import (
	"cmp"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// Interfaces of functions, of which flow logs of a VPC know nothing else.
const (
	maxFunctionInterfaces = 50_000
	functionIdle          = 30 * 24 * time.Hour
)

// lambdaDescription is how Lambda describes the interfaces it makes; the name of
// the function and a UUID follow.
const lambdaDescription = "AWS Lambda VPC ENI-"

// functionOf is the function that an interface was made for by Lambda, by its
// description; "" for others.
func functionOf(description string) string {
	rest, ok := strings.CutPrefix(description, lambdaDescription)
	const uuid = len("-01234567-89ab-cdef-0123-456789abcdef")
	if !ok || len(rest) <= uuid || rest[len(rest)-uuid] != '-' || strings.Count(rest[len(rest)-uuid:], "-") != 5 {
		return ""
	}
	return rest[:len(rest)-uuid]
}

// functions knows the functions behind network interfaces, by their ARN.
type functions struct {
	byInterface *table[string]
	// What asFunction makes of the record at hand.
	flow event.Flow
	ev   event.Event
}

func newFunctions() *functions {
	return &functions{byInterface: newTable[string]("function-interfaces", maxFunctionInterfaces, functionIdle)}
}

// learnFunction remembers that Lambda made an interface for a function. Anybody
// can describe an interface of his own like that, so who says so must be Lambda.
// Functions of one subnet and security group share interfaces; it is known by
// the first one.
func (c *apiCall) learnFunction(n *jsonscan.Node) {
	eni, name := n.Text("networkInterfaceId"), functionOf(cmp.Or(n.Text("description"), c.req().Text("description")))
	if eni == "" || name == "" {
		return
	}
	sc := c.ev.Scope
	*c.account.net.functions.byInterface.touch(eni, c.ev.Time) = "arn:" + finding.Partition(sc.Region) + ":lambda:" + sc.Region + ":" + sc.Account + ":function:" + name
}

// byLambda reports whether Lambda made the call, for a function's sake.
func (c *apiCall) byLambda() bool {
	const lambda = "lambda.amazonaws.com"
	return c.t.SourceIP == lambda || c.t.Identity.InvokedBy == lambda
}

// asFunction gives a flow of a function's interface the name of the function,
// where the format of the log has none.
func (r *record) asFunction(f *event.Flow) *event.Flow {
	known := r.account.net.functions
	if f.Function != "" || known.byInterface.len() == 0 {
		return f
	}
	arn := known.byInterface.get(f.Interface)
	if arn == nil {
		return f
	}
	known.flow, known.ev = *f, *r.ev
	known.flow.Function, known.ev.Flow = *arn, &known.flow
	r.ev = &known.ev
	return &known.flow
}

package detect

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

const anonymousUser = "system:anonymous"

// call is one API call under judgement, with its bodies parsed when asked for.
type call struct {
	ev    *event.Event
	a     *event.Audit
	scope *scope

	requestRead, responseRead bool
	requestNode, responseNode *jsonscan.Node
}

// time is when the request was made.
func (c *call) time() time.Time {
	if !c.a.Received.IsZero() {
		return c.a.Received
	}
	return c.ev.Time
}

// request is the body as sent; nil where the audit level hides it. Of a cut
// body it is what came before the cut.
func (c *call) request() *jsonscan.Node {
	if !c.requestRead {
		c.requestRead = true
		if len(c.a.RequestObject) > 0 {
			c.requestNode, _ = jsonscan.Parse(c.a.RequestObject)
		}
	}
	return c.requestNode
}

// response is the object as stored after the call; nil where the audit level
// hides it, when the answer was not the object itself, and when it was cut: a
// part of the object would look like an object without the rest.
func (c *call) response() *jsonscan.Node {
	if !c.responseRead {
		c.responseRead = true
		if len(c.a.ResponseObject) > 0 {
			n, err := jsonscan.Parse(c.a.ResponseObject)
			if err == nil && showsObject(n.Text("kind")) {
				c.responseNode = n
			}
		}
	}
	return c.responseNode
}

// showsObject tells an answer that is the object from a Status and from the
// excerpts of it for which a client can ask by its Accept header.
func showsObject(kind string) bool {
	switch kind {
	case "Status", "Table", "PartialObjectMetadata", "PartialObjectMetadataList":
		return false
	}
	return true
}

// object is the fullest view of the object after the call.
func (c *call) object() *jsonscan.Node {
	if r := c.response(); r != nil {
		return r
	}
	if c.a.Verb == "patch" {
		return c.sent()
	}
	return c.request()
}

// sent is what the caller asked to be: the body of a create or update, and for
// a patch the parts that it writes. A merge, strategic or apply patch is a
// partial object already; a JSON patch is laid out as one. A patch that does
// not show what it writes may have written everything that is there now.
func (c *call) sent() *jsonscan.Node {
	r := c.request()
	if c.a.Verb != "patch" {
		return r
	}
	if unreadable := r == nil && len(c.a.RequestObject) > 0; unreadable || copies(r) {
		if after := c.response(); after != nil {
			return after
		}
	}
	if r.Kind() == jsonscan.Array {
		return layOut(r)
	}
	return r
}

// copies reports whether a JSON patch takes values from elsewhere in the
// object instead of writing them out.
func copies(ops *jsonscan.Node) bool {
	for _, op := range ops.Items() {
		if o := op.Text("op"); o == "copy" || o == "move" {
			return true
		}
	}
	return false
}

// layOut builds the partial object that the operations of a JSON patch
// (RFC 6902) write. Array positions are kept apart but not numbered: a
// detection asks whether some element says so, not which. A member that is
// removed is there as null, as in a merge patch.
//
// The API server does not look at what stands before the first slash of a
// path, so neither does this.
func layOut(ops *jsonscan.Node) *jsonscan.Node {
	root := jsonscan.NewObject()
	for _, op := range ops.Items() {
		v := op.Get("value")
		_, rest, rooted := strings.Cut(op.Text("path"), "/")
		path := strings.Split(rest, "/")
		switch op.Text("op") {
		case "add", "replace":
		case "remove":
			if v = new(jsonscan.Node); isIndex(path[len(path)-1]) {
				continue
			}
		default:
			continue
		}
		switch {
		case rooted:
			place(root, path, v)
		case op.Text("path") == "" && v.Kind() == jsonscan.Object:
			root = v
		}
	}
	return root
}

// place puts v at path under n, making objects and arrays on the way. A path
// element that is a number or "-" stands for an array element.
func place(n *jsonscan.Node, path []string, v *jsonscan.Node) {
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for i, p := range path {
		key := unescape.Replace(p)
		last := i == len(path)-1
		child := v
		if !last {
			child = jsonscan.NewObject()
			if isIndex(path[i+1]) {
				child = jsonscan.NewArray()
			}
		}
		switch {
		case n.Kind() == jsonscan.Array:
			n.Append(child)
		case last:
			n.Set(key, v)
		case n.Get(key).Kind() == child.Kind():
			child = n.Get(key)
		default:
			n.Set(key, child)
		}
		n = child
	}
}

// isIndex takes what the API server takes for a position in an array: it also
// reads signs, and counts negative ones from the end.
func isIndex(s string) bool {
	_, err := strconv.Atoi(s)
	return s == "-" || err == nil
}

// isDryRun reports whether the server was asked to change nothing, and heeds
// that.
func (c *call) isDryRun() bool { return c.a.DryRun() }

// isGone reports whether a delete took its object away at once, and not only
// after a finalizer that may never run.
func (c *call) isGone() bool {
	return len(c.response().Get("metadata", "finalizers").Items()) == 0
}

// changed reports whether a write changed anything. GitOps tools and operators
// write the same object again and again; the server then leaves the resource
// version (update) or the time of the manager's entry (apply) as it was.
func (c *call) changed() bool {
	resp := c.response()
	if resp == nil || c.a.Code == 201 {
		return true
	}
	switch c.a.Verb {
	case "update": // a version that is given must be the current one
		before := c.request().Text("metadata", "resourceVersion")
		return before == "" || before != resp.Text("metadata", "resourceVersion")
	case "patch":
		if c.request().Text("apiVersion") == "" { // not an apply
			return true
		}
		newest := appliedAt(resp, queryOf(c.a.RequestURI).Get("fieldManager"))
		// Entries carry whole seconds; the write may fall into the next one.
		return newest == "" || newest >= c.time().UTC().Add(-1e9).Format("2006-01-02T15:04:05Z")
	}
	return true
}

// appliedAt is when an apply of the given manager last changed an object, in
// the form of managedFields; of whichever manager if that one has no entry.
func appliedAt(obj *jsonscan.Node, manager string) string {
	own, any := "", ""
	for _, m := range obj.Get("metadata", "managedFields").Items() {
		if m.Text("subresource") != "" {
			continue
		}
		any = max(any, m.Text("time"))
		if m.Text("operation") == "Apply" && m.Text("manager") == manager {
			own = max(own, m.Text("time"))
		}
	}
	if own != "" {
		return own
	}
	return any
}

// path is the request path without the query.
func (c *call) path() string {
	p, _, _ := strings.Cut(c.a.RequestURI, "?")
	return p
}

// name is the object's name: the body knows it where the server chose it.
func (c *call) name() string {
	if n := c.a.Object.Name; n != "" {
		return n
	}
	if o := c.object(); o != nil {
		if n := o.Text("metadata", "name"); n != "" {
			return n
		}
		return strings.TrimSuffix(o.Text("metadata", "generateName"), "-")
	}
	return ""
}

// namespace is the object's namespace, "" for cluster-wide ones.
func (c *call) namespace() string {
	if n := c.a.Object.Namespace; n != "" {
		return n
	}
	return c.object().Text("metadata", "namespace")
}

// writes reports whether the verb makes or changes an object.
func (c *call) writes() bool {
	switch c.a.Verb {
	case "create", "update", "patch":
		return true
	}
	return false
}

// mentions reports whether one of the bodies may hold the given key. It saves
// parsing bodies that cannot matter; a key written with escapes, or as part of
// a JSON patch's path, counts as there.
func (c *call) mentions(key string) bool {
	for _, b := range [][]byte{c.a.RequestObject, c.a.ResponseObject} {
		if bytes.Contains(b, []byte(key)) || bytes.Contains(b, []byte(`\u`)) {
			return true
		}
	}
	return false
}

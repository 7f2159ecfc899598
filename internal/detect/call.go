package detect

import (
	"bytes"
	"net/url"
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
// hides it, when the answer was a Status, and when it was cut: a part of the
// object would look like an object without the rest.
func (c *call) response() *jsonscan.Node {
	if !c.responseRead {
		c.responseRead = true
		if len(c.a.ResponseObject) > 0 {
			n, err := jsonscan.Parse(c.a.ResponseObject)
			if err == nil && n.Text("kind") != "Status" {
				c.responseNode = n
			}
		}
	}
	return c.responseNode
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
// partial object already; a JSON patch is laid out as one.
func (c *call) sent() *jsonscan.Node {
	r := c.request()
	if c.a.Verb == "patch" && r.Kind() == jsonscan.Array {
		return layOut(r)
	}
	return r
}

// layOut builds the partial object that the operations of a JSON patch
// (RFC 6902) write. Array positions are kept apart but not numbered: a
// detection asks whether some element says so, not which.
func layOut(ops *jsonscan.Node) *jsonscan.Node {
	root := jsonscan.NewObject()
	for _, op := range ops.Items() {
		switch op.Text("op") {
		case "add", "replace":
		default:
			continue
		}
		if op.Text("path") == "" {
			if v := op.Get("value"); v.Kind() == jsonscan.Object {
				root = v
			}
			continue
		}
		place(root, strings.Split(strings.TrimPrefix(op.Text("path"), "/"), "/"), op.Get("value"))
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

func isIndex(s string) bool {
	return s == "-" || s != "" && strings.Trim(s, "0123456789") == ""
}

// isDryRun reports whether the server was asked to change nothing.
func isDryRun(uri string) bool {
	_, query, ok := strings.Cut(uri, "?")
	if !ok || !strings.Contains(query, "dryRun") && !strings.Contains(query, "%") {
		return false
	}
	q, _ := url.ParseQuery(query)
	return q.Has("dryRun") && q.Get("dryRun") != ""
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
// parsing bodies that cannot matter; a key written with escapes counts as there.
func (c *call) mentions(key string) bool {
	for _, b := range [][]byte{c.a.RequestObject, c.a.ResponseObject} {
		if bytes.Contains(b, []byte(`"`+key+`"`)) || bytes.Contains(b, []byte(`\u`)) {
			return true
		}
	}
	return false
}

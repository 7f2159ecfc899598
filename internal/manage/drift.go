package manage

import (
	"encoding/json"
	"fmt"

	"github.com/vedette-project/vedette/internal/kube"
)

// managedField is who set which fields of an object, as the API server notes it.
type managedField struct {
	Manager     string          `json:"manager"`
	Subresource string          `json:"subresource"`
	Fields      json.RawMessage `json:"fieldsV1"`
}

// changedByOthers reports whether somebody other than Vedette set anything of
// the object's spec. Vedette sets all of it.
func changedByOthers(is *live) bool {
	for _, f := range is.Metadata.ManagedFields {
		if f.Manager != kube.FieldManager && f.Subresource == "" && setsSpec(f.Fields) {
			return true
		}
	}
	return false
}

// within reports whether all that is wanted is there as it is wanted. There may
// be more: what the API server fills in. A value that it writes in another way,
// as it does with some quantities, is not seen to be there, and is applied again
// to no effect.
func within(want, is any) bool {
	switch w := want.(type) {
	case map[string]any:
		has, ok := is.(map[string]any)
		for k, v := range w {
			ok = ok && within(v, has[k])
		}
		return ok
	case []any:
		has, ok := is.([]any)
		ok = ok && len(has) == len(w)
		for i := range w {
			ok = ok && within(w[i], has[i])
		}
		return ok
	}
	return fmt.Sprint(want) == fmt.Sprint(is) // one was read from YAML, the other from JSON
}

// fields is a tree of names of fields.
type fields map[string]fields

// setsSpec reports whether fields of the spec are among them. That `kubectl
// rollout restart` was called is a wish that is left alone.
func setsSpec(raw json.RawMessage) bool {
	var all fields
	if json.Unmarshal(raw, &all) != nil {
		return false // what is no tree says nothing
	}
	spec, has := all["f:spec"]
	if !has {
		return false
	}
	return !onlyRestart(spec, []string{"f:template", "f:metadata", "f:annotations", "f:kubectl.kubernetes.io/restartedAt"})
}

// onlyRestart reports whether there is nothing in the tree but one path.
func onlyRestart(f fields, path []string) bool {
	for name, below := range f {
		switch {
		case name == ".":
		case len(path) == 0 || name != path[0] || !onlyRestart(below, path[1:]):
			return false
		}
	}
	return true
}

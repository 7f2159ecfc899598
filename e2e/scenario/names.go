package scenario

import (
	"strings"

	"github.com/vedette-project/vedette/e2e/cluster"
)

const nodeName = cluster.NodeName

func lower(kind string) string { return strings.ToLower(kind) }

// dashed makes an object name of a title.
func dashed(title string) string { return strings.ReplaceAll(title, " ", "-") }

// slashes makes part of an object name of a path.
func slashes(path string) string { return strings.NewReplacer("/", "-", ".", "-").Replace(path) }

// actor picks one of the callers.
type actor = func(*Env) *cluster.Kubectl

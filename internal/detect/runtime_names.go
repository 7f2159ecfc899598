package detect

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed runtime_names.txt
var runtimeNamesTXT string

// nameKind is what names stand for.
type nameKind string

// The kinds of runtime_names.txt.
const (
	containerRuntime  nameKind = "container-runtime"
	packageManager    nameKind = "package-manager"
	buildTool         nameKind = "build-tool"
	debugger          nameKind = "debugger"
	tracer            nameKind = "tracer"
	commandShell      nameKind = "shell"
	relayProgram      nameKind = "relay"
	interpreter       nameKind = "interpreter"
	shellGiver        nameKind = "serves-shells"
	minerProgram      nameKind = "miner"
	minerOption       nameKind = "miner-option"
	miningAlgorithm   nameKind = "mining-algorithm"
	textTool          nameKind = "text-tool"
	sandboxProgram    nameKind = "sandbox"
	builderImage      nameKind = "image-builder"
	nestedImage       nameKind = "image-that-runs-containers"
	runtimeSocket     nameKind = "runtime-socket"
	socketClientImage nameKind = "image-of-socket-clients"
	moduleLoader      nameKind = "module-loader"
	faultCatcher      nameKind = "fault-catcher"
	setuidProgram     nameKind = "setuid-program"
	meshProxy         nameKind = "mesh-proxy"
	dnsServer         nameKind = "dns-server"
	developmentWord   nameKind = "development-namespace"
)

// nameList are the names of one kind.
type nameList struct {
	whole    map[string]bool
	prefixes []string
}

// runtimeNames are the lists by kind: made once, never changed.
var runtimeNames = sync.OnceValue(func() map[nameKind]*nameList {
	out := map[nameKind]*nameList{}
	for _, row := range dataRows(runtimeNamesTXT) {
		n := out[nameKind(row[0])]
		if n == nil {
			n = &nameList{whole: map[string]bool{}}
			out[nameKind(row[0])] = n
		}
		for _, name := range row[1:] {
			if prefix, ok := strings.CutSuffix(name, "*"); ok {
				n.prefixes = append(n.prefixes, prefix)
			} else {
				n.whole[name] = true
			}
		}
	}
	return out
})

// is reports whether a name is of a kind, with or without a version at its end.
func (k nameKind) is(name string) bool {
	n := runtimeNames()[k]
	if n == nil || name == "" {
		return false
	}
	return n.whole[name] || n.whole[programName(name)] || slices.ContainsFunc(n.prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

package detect

import (
	"fmt"
	"path"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

const minerType = "Impact:Runtime/CryptoMinerExecuted"

// miner looks for programs that mine: by their names and by their arguments.
// How busy they are says nothing, others are busy, too.
func miner(r *runtimeRecord) {
	if r.Exec == nil {
		return
	}
	why := minerWhy(r.Process)
	if why == "" || r.isRuntimeProcess() {
		return
	}
	s := r.claim(minerType, baseOf(r.Process))
	s.Title = fmt.Sprintf("A program that mines a cryptocurrency was run in %s.", r.where())
	s.Description = fmt.Sprintf("%s was run in %s: %s.", upper(processName(r.Process)), r.where(), why)
	s.Why = why
	r.raise(s)
}

func minerWhy(p *event.Process) string {
	names := []string{baseOf(p), p.Name}
	if len(p.Args) > 0 {
		names = append(names, path.Base(p.Args[0]))
	}
	for _, n := range names {
		if isMinerName(n) {
			return fmt.Sprintf("%s is the name of a miner", oneLine(n))
		}
	}
	if isTextTool(p) {
		return ""
	}
	return minerArgs(p.Args)
}

// isMinerName knows the programs that only mine.
func isMinerName(name string) bool {
	name = strings.ToLower(name)
	return minerProgram.is(strings.TrimSuffix(strings.TrimSuffix(name, ".bin"), ".exe"))
}

// isTextTool knows programs whose arguments are text to them: what they look
// for, print, edit or fetch, or run as a script.
func isTextTool(p *event.Process) bool {
	name, _ := applet(p.Args)
	return isShellProcess(p) || isInterpreterProcess(p) || textTool.is(baseOf(p)) || textTool.is(name)
}

// minerArgs reads a command line as miners have it: a pool's URL, or two of the
// options that only they have together.
func minerArgs(args []string) string {
	var signs []string
	add := func(s string) {
		for _, known := range signs {
			if known == s {
				return
			}
		}
		signs = append(signs, s)
	}
	for i, a := range args {
		if i == 0 {
			continue
		}
		option, value, _ := strings.Cut(a, "=")
		if !strings.HasPrefix(option, "-") {
			value = a
		}
		if isStratumURL(value) {
			return "it is told to mine at the pool " + oneLine(poolOf(value))
		}
		switch {
		case minerOption.is(option):
			add(option)
		case option == "-a", option == "--algo", option == "--coin":
			if value == "" || value == a {
				if i+1 < len(args) {
					value = args[i+1]
				}
			}
			if isMiningAlgorithm(value) {
				add("the algorithm " + value)
			}
		}
		if isWallet(value) {
			add("a wallet")
		}
	}
	if len(signs) < 2 {
		return ""
	}
	return "it has arguments of a miner: " + oneLine(strings.Join(signs, ", "))
}

func isStratumURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	return ok && rest != "" && (scheme == "stratum" || strings.HasPrefix(scheme, "stratum+") || strings.HasPrefix(scheme, "stratum1+") || strings.HasPrefix(scheme, "stratum2+") ||
		scheme == "stratums" || scheme == "ethproxy" || scheme == "ethstratum" || scheme == "daemon+http" || scheme == "daemon+https" || scheme == "zilstratum")
}

// poolOf is a pool's URL without who mines there.
func poolOf(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

func isMiningAlgorithm(s string) bool { return miningAlgorithm.is(strings.ToLower(s)) }

// isWallet knows the addresses of the coins that are mined without asking,
// behind which a worker's name may stand.
func isWallet(s string) bool {
	s, _, _ = strings.Cut(s, ".")
	s, _, _ = strings.Cut(s, "+")
	s, _, _ = strings.Cut(s, "/")
	switch {
	case (len(s) == 95 || len(s) == 106) && (s[0] == '4' || s[0] == '8'): // Monero
		return isBase58(s)
	case len(s) == 42 && strings.HasPrefix(s, "0x"): // Ethereum and its kin
		return strings.Trim(s[2:], "0123456789abcdefABCDEF") == ""
	case len(s) >= 42 && len(s) <= 62 && strings.HasPrefix(s, "bc1"): // Bitcoin
		return strings.Trim(s[3:], "023456789acdefghjklmnpqrstuvwxyz") == ""
	}
	return false
}

func isBase58(s string) bool {
	return strings.Trim(s, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz") == ""
}

// stratum looks at the start of a conversation with a mining pool. Who is called
// is the pool.
func stratum(r *runtimeRecord) {
	if r.Stratum == nil || r.Stratum.Socket.Accepted {
		return
	}
	x := r.Stratum
	s := r.claim(minerType, baseOf(r.Process))
	remote := "a pool"
	if x.Socket.Remote.IsValid() {
		remote = "the pool at " + x.Socket.Remote.String()
	}
	s.Title = fmt.Sprintf("A process in %s speaks with a mining pool.", r.where())
	s.Description = fmt.Sprintf("%s in %s mines for %s: it speaks the protocol Stratum.", upper(processName(r.Process)), r.where(), remote)
	s.Why = fmt.Sprintf("it sent %q, as miners begin", x.Method)
	if x.Agent != "" {
		s.Why += fmt.Sprintf(", and calls itself %q", x.Agent)
	}
	r.raise(s)
}

// Act does one thing that a shell cannot do, as its first argument says. Under
// the name of a package manager it installs.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "act:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) == 4 && filepath.Base(os.Args[0]) != "act" { // a package manager
		return install(os.Args[2], os.Args[3])
	}
	if len(os.Args) < 2 {
		return errors.New("say what to do")
	}
	args := os.Args[2:]
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch verb := os.Args[1]; verb {
	case "wait": // to be the target of others
		time.Sleep(10 * time.Second)
		return nil
	case "traceme":
		return traceMe()
	case "trace":
		return trace(false)
	case "poke":
		return trace(true)
	case "vmwrite":
		return vmWrite()
	case "procmem":
		return procMem()
	case "memfd":
		return memfdExec()
	case "deleted":
		return deletedExec()
	case "userfaultfd":
		return userfaultfd()
	case "io_uring":
		return ioUring()
	case "init_module":
		return initModule()
	case "handle":
		return openHandle(arg(0))
	case "mount":
		return mount(arg(0), arg(1))
	case "become-root":
		return becomeRoot()
	case "as": // user program args…
		return as(arg(0), args[1:])
	case "take-runtime": // file of the node
		return takeRuntime(arg(0))
	case "leak": // folder of the node
		return leak(arg(0))
	case "open": // for writing, without changing anything
		return openForWriting(arg(0))
	case "write":
		return os.WriteFile(arg(0), []byte("act\n"), 0o600)
	case "unix":
		return dial("unix", arg(0))
	case "connect":
		return dial("tcp", arg(0))
	case "stratum":
		return stratum(arg(0))
	case "reverse":
		return reverse(arg(0))
	case "listen": // and hand whoever calls a command
		return listen(arg(0), arg(1))
	case "resolver":
		return resolver()
	case "ask":
		return ask(args)
	case "web":
		return web(arg(0))
	case "get":
		return get(arg(0))
	case "storm":
		n, err := strconv.Atoi(arg(0))
		if err != nil {
			return err
		}
		return storm(n)
	case "hostile":
		return hostile()
	default:
		return fmt.Errorf("no act is called %q", verb)
	}
}

// install copies a program, as package managers bring one.
func install(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	fresh := to + ".dpkg-new"
	if err := os.WriteFile(fresh, b, 0o755); err != nil {
		return err
	}
	return os.Rename(fresh, to)
}

func storm(n int) error {
	for range n {
		if err := start("/bin/true").wait(); err != nil {
			return err
		}
	}
	return nil
}

// hostile starts programs whose names and arguments are meant to harm whoever
// shows them.
func hostile() error {
	for _, name := range []string{"a\nb", "\x1b[31mred\x1b[0m", "\xff\xfe", "${HOME}", `"},{"`, "<script>", strings.Repeat("n", 200)} {
		file := "/tmp/" + name
		if err := os.Symlink("/usr/bin/xmrig", file); err != nil {
			return err
		}
		if err := start(file, "-o", "stratum+tcp://pool\x1b]0;title\x07\n.example:3333", "\xff").wait(); err != nil {
			return err
		}
	}
	long := make([]string, 0, 12)
	for range 10 {
		long = append(long, strings.Repeat("m", 100<<10))
	}
	return start("/usr/bin/xmrig", long...).wait()
}

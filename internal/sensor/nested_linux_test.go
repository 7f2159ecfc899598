package sensor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/testbed"
)

// nested is a sensor in the pid namespace of a node that is a container. It
// tells of what it starts, once its input says so.
func nested() error {
	s, err := New(Options{CPU: 8, NoMetadata: true})
	if err != nil {
		return err
	}
	fmt.Println("ready", os.Getpid())
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		inside := exec.Command("/bin/echo", "in-a-container")
		inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
		for _, cmd := range []*exec.Cmd{exec.Command("/bin/echo", "on-the-node"), inside, exec.Command("/bin/echo", "the-last")} {
			if err := cmd.Run(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				stop()
			}
		}
	}()
	return s.Run(ctx, func(line []byte, r *event.Runtime) error {
		if r.Kind == event.KindExec {
			fmt.Printf("%s\n", line)
		}
		if r.Kind == event.KindExec && execOf("echo", "the-last")(r) {
			stop()
		}
		return nil
	})
}

// TestNodeInAContainer: where a node is itself a container, as in kind, its
// processes have the numbers that the node knows them by, and those of the
// machine around it are not told.
func TestNodeInAContainer(t *testing.T) {
	testbed.Root(t)
	cmd := exec.Command("/bin/sh", "-c", "mount --make-rprivate / && mount -t proc proc /proc && $0; exit $?", os.Args[0])
	cmd.Env = []string{helperVar + "=nested", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR=" + t.TempDir()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var sensor int
	found := map[string]event.Runtime{}
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			_, _ = fmt.Sscan(text, &sensor)
			sh(t, "exec /bin/echo outside")
			in.Close()
			continue
		}
		var r event.Runtime
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		found[r.Process.Args[len(r.Process.Args)-1]] = r
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 {
		t.Errorf("told of %d programs: %v", len(found), found)
	}
	node, inside := found["on-the-node"].Process, found["in-a-container"].Process
	if node == nil || inside == nil {
		t.Fatal("what was started is not told")
	}
	if node.PID != node.NamespacePID || node.PID < sensor || node.PID > sensor+100 {
		t.Errorf("on the node it is %d, itself %d; the sensor is %d", node.PID, node.NamespacePID, sensor)
	}
	if inside.NamespacePID != 1 || inside.PID <= node.PID || inside.PID > node.PID+100 {
		t.Errorf("in a container it is %d, on the node %d", inside.NamespacePID, inside.PID)
	}
	if node.SHA256 == "" || node.User != "root" {
		t.Errorf("process %+v", node)
	}
}

package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vedette-project/vedette/internal/testbed"
)

// hierarchy is where a container's control group is told by number.
func hierarchy(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && (st.Type == unix.CGROUP_SUPER_MAGIC || st.Type == unix.CGROUP2_SUPER_MAGIC) {
			return dir
		}
	}
	t.Fatal("no control groups are mounted")
	return ""
}

// TestRealContainers: real containerd and runc write the files, the kernel
// makes the groups.
func TestRealContainers(t *testing.T) {
	server := testbed.Containerd(t, nil)
	store := NewStore(Options{StateDirs: []string{server.State()}}, nil, time.Now)
	dir := hierarchy(t)
	groups, err := OpenGroups(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer groups.Close()
	number := func(r *testbed.RunningContainer) uint64 {
		t.Helper()
		r.Pid()
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, r.Cgroup), &st); err != nil {
			t.Fatal(err)
		}
		return st.Ino
	}
	const pod = "9a1e6c1e-7a33-4d4b-9f0a-3c1d0d3a6c11"
	before := time.Now()
	in := server.Run(testbed.ContainerOptions{
		Cgroup: "kubepods/burstable/pod" + pod + "/" + strings.Repeat("ab", 32), ID: strings.Repeat("ab", 32),
		Annotations: testbed.Pod("shop", "web-1", pod, "app", "reg.local/shop:1"),
		Binds:       []string{"/etc:/host-etc:ro"}, Args: []string{"sleep", "60"},
	})
	path, exact := groups.Path(number(in))
	if path != in.Cgroup || !exact {
		t.Fatalf("the group is %s (exact %v), want %s", path, exact, in.Cgroup)
	}
	c := store.Find(path)
	if c == nil || c.Pod == nil {
		t.Fatalf("container %+v", c)
	}
	if c.ID != in.ID || c.Name != "app" || c.Image != "reg.local/shop:1" || c.Runtime != "containerd" || c.Pod.Name != "web-1" || c.Pod.Namespace != "shop" || c.Pod.UID != pod || c.Privileged {
		t.Errorf("container %+v of pod %+v", c.Container, c.Pod)
	}
	if len(c.Mounts) != 1 || c.Mounts[0].Source != "/etc" || c.Mounts[0].Target != "/host-etc" || !c.Mounts[0].ReadOnly {
		t.Errorf("mounts %+v", c.Mounts)
	}
	if d := c.Start.Sub(before); d < -time.Second || d > time.Minute {
		t.Errorf("started %v after the test asked", d)
	}

	big := server.Run(testbed.ContainerOptions{Namespace: "default", ID: "big", Privileged: true, HostNetwork: true, Args: []string{"sleep", "60"}})
	c, err = store.find(Ref{ID: "big", Namespace: "default"})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Privileged || !c.hostNetwork || c.hostPID || c.Pod != nil {
		t.Errorf("container %+v", c)
	}

	// The group is gone with its container; what a record told of it is left.
	id := number(big)
	groups.Tell(id, "default", "big")
	big.Kill()
	eventually(t, "the end of the group", func() bool {
		_, err := os.Stat(filepath.Join(dir, big.Cgroup))
		if err == nil {
			_ = os.Remove(filepath.Join(dir, big.Cgroup))
		}
		return err != nil
	})
	if path, exact := groups.Path(id); exact || path != "/default/big" {
		t.Errorf("the group that is gone is %s, exact %v", path, exact)
	}
}

// TestAPodOf200Milliseconds: the files of a container outlive its last
// process, so whoever is told of an exec in time finds the pod.
func TestAPodOf200Milliseconds(t *testing.T) {
	server := testbed.Containerd(t, nil)
	store := NewStore(Options{StateDirs: []string{server.State()}}, nil, time.Now)
	const pod = "9a1e6c1e-7a33-4d4b-9f0a-3c1d0d3a6c12"
	id := testbed.NewContainerID()
	r := server.Run(testbed.ContainerOptions{
		ID: id, Cgroup: "kubepods/pod" + pod + "/" + id, Annotations: testbed.Pod("jobs", "short", pod, "main", "x"),
		Args: []string{"sleep", "0.2"},
	})
	c := store.Find(r.Cgroup)
	if c == nil || c.Pod == nil || c.Pod.Name != "short" {
		t.Errorf("container %+v", c)
	}
}

func TestExecInAContainer(t *testing.T) {
	server := testbed.Containerd(t, nil)
	r := server.Run(testbed.ContainerOptions{Args: []string{"sh", "-c", "echo up; sleep 60"}})
	if out, err := r.Exec("cat", "/etc/passwd"); err != nil || !strings.Contains(out, "shop:x:1000") {
		t.Errorf("%q, %v", out, err)
	}
	eventually(t, "the output", func() bool { return r.Output() == "up\n" })
}

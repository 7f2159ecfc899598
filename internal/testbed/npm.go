package testbed

import (
	"os/exec"
	"testing"
)

// NPM installs packages of npm, such as axe-core@4.14.1, into a folder of the
// test's own, in which node finds them. No script of theirs is run.
func NPM(t testing.TB, packages ...string) (dir string) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			(&Missing{tool, "install Node.js 20 or later"}).skip(t)
		}
	}
	dir = t.TempDir()
	args := append([]string{"install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", dir}, packages...)
	cmd := exec.CommandContext(t.Context(), "npm", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("npm install %v: %v\n%s", packages, err, out)
		(&Missing{"a registry of npm packages", "set npm's registry to one that has what this test uses"}).skip(t)
	}
	return dir
}

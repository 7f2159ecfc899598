package app

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/vedette-project/vedette/internal/testbed"
)

// TestMain gives all tests the credentials of the stores of tests, so that those
// that use AWS's tools may run at once, and nobody asks AWS for any.
func TestMain(m *testing.M) {
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": testbed.AWSKey, "AWS_SECRET_ACCESS_KEY": testbed.AWSSecret, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		os.Setenv(k, v)
	}
	code := m.Run()
	if binaryDir != "" {
		os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

// binaryDir is where the real program was built, if a test needed it.
var binaryDir string

// buildBinary builds the real program, once for all tests that run it.
var buildBinary = sync.OnceValues(func() (path string, err error) {
	if binaryDir, err = os.MkdirTemp("", "vedette-app-"); err != nil {
		return "", err
	}
	path = filepath.Join(binaryDir, "vedette")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/vedette").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return path, nil
})

// vedetteBinary is the real program.
func vedetteBinary(t *testing.T) string {
	t.Helper()
	path, err := buildBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

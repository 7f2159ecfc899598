package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// modelScript fetches, into the folder $1, the description of GuardDuty's API
// that comes with Debian 13's AWS command line. That of Debian 12 is older than
// the features of detectors, and takes another description from AWS_DATA_PATH.
const modelScript = `set -eu
out=$1
cd "$out"
mkdir -p lists/partial cache/archives/partial guardduty/2017-11-28
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' > sources.list
apt="apt-get -qq -o Dir::Etc::sourcelist=$out/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$out/lists -o Dir::Cache=$out/cache -o APT::Sandbox::User=root -o Acquire::Languages=none"
$apt update
$apt download awscli
dpkg-deb --fsys-tarfile awscli_*.deb | tar --extract --to-stdout ./usr/lib/python3/dist-packages/awscli/botocore/data/guardduty/2017-11-28/service-2.json > model.json
mv model.json guardduty/2017-11-28/service-2.json
rm -rf lists cache sources.list awscli_*.deb
`

// AWSModels returns a folder for AWS_DATA_PATH, and first fills it if it is not
// in the cache.
func AWSModels(ctx context.Context, log io.Writer) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(modelScript))
	dir := filepath.Join(cache, "aws-"+hex.EncodeToString(sum[:])[:12])
	if _, err := os.Stat(filepath.Join(dir, "guardduty", "2017-11-28", "service-2.json")); err == nil {
		return dir, nil
	}
	fmt.Fprintln(log, "fetching the API's description for the AWS command line")
	tmp := fmt.Sprintf("%s.%d", dir, os.Getpid())
	defer os.RemoveAll(tmp)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return "", fmt.Errorf("make a folder of the cache: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "sh", "-c", modelScript, "sh", tmp).CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch the API's description: %w\n%s", err, out)
	}
	if err := os.Rename(tmp, dir); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("put the API's description into the cache: %w", err)
	}
	return dir, nil
}

#!/usr/bin/env bash
# Tests everything that can be tested on this machine. Where it is root on
# Debian it installs what the tests need first. What cannot run says so; with
# CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

install_packages() {
  local missing=()
  for p in "$@"; do dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p"); done
  [ ${#missing[@]} -eq 0 ] && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

can_install=false
if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; then can_install=true; fi

step "formatting and vet"
unformatted=$(gofmt -l cmd internal e2e hack)
[ -z "$unformatted" ] || { echo "run gofmt on: $unformatted"; exit 1; }
go vet ./...
go tool staticcheck ./...

if $can_install; then
  step "packages"
  install_packages gcc libc6-dev awscli clang-19 llvm-19 libbpf-dev postgresql etcd-server containerd runc busybox-static containernetworking-plugins iptables iproute2 prometheus-alertmanager rsyslog rsyslog-gnutls chromium fonts-dejavu-core prometheus minisign mmdebstrap dpkg-dev debian-archive-keyring
  # Tests of several rooms run a real API server. Ten minutes the first time, kept afterwards.
  step "Kubernetes, from its module"
  (cd e2e && go run ./cmd/prebuild >/dev/null)
fi

step "unit, scenario and API tests"
go test -timeout 20m -parallel 6 $(go list ./... | grep -v -e /internal/soak -e /internal/acts -e /internal/console/browser)

step "soak, briefly"
go test -count=1 ./internal/soak

# Alone: a busy machine has a sensor leave out what weighs least.
step "real attacks in real containers"
go test -count=1 ./internal/acts

step "the console in a real browser"
go test -count=1 ./internal/console/browser

# Much of it is waiting, so it runs beside the race run and fuzzing, which compute.
step "beside what follows: chart, release, a real cluster"
set -m # a process group of its own, to end it by
beside_log=$(mktemp)
(
  for module in hack/chart hack/release; do
    (cd $module && test -z "$(gofmt -l .)" && go vet ./... && go test -timeout 30m ./...)
  done
  if $can_install; then
    (cd e2e && go vet -tags e2e ./... && go test -tags e2e -count=1 -timeout 40m ./...)
  elif [ "${CI:-}" = true ]; then
    echo "the cluster test needs root on Debian"; exit 1
  else
    echo "SKIP: the cluster test needs root on Debian (etcd, containerd, runc and a network namespace)"
  fi
) >"$beside_log" 2>&1 &
beside=$!
set +m
trap 'kill -- -$beside 2>/dev/null || true; rm -f "$beside_log"' EXIT

step "race detector"
# Rooms in which goroutines meet. What internal/acts and internal/console/browser look at are programs of their own.
rooms=$(grep -rlE --include='*.go' '^\s+go (func|[a-z])|sync\.(Mutex|RWMutex|WaitGroup|Map|Cond|Pool)|atomic\.' internal cmd |
  xargs -n1 dirname | sort -u | grep -v -e testdata -e internal/acts -e internal/console/browser | sed 's,^,./,')
# What reads much and alone was tested above.
alone='^(TestEverySample|TestHostileInput|TestHostileText|TestScenarios|TestScenariosOfAKS|TestScenariosOfGKE|TestUpgrade|TestDowngradeIsRefused|TestAlertsFire|TestDashboard|TestQuality|TestAlone|TestListsOfARunningServer|TestExport|TestSequencesInAnyFiles|TestThreeQuietMonths|TestOrderOfFlowsAndQueries|TestOrderOfCalls|TestRulePackIsWhole)$|^Test(SQLite|Postgres)$/^Find$'
if [ "$(go env CGO_ENABLED)" = 1 ]; then
  go test -short -race -parallel 4 -timeout 20m -skip "$alone" $rooms
elif [ "${CI:-}" = true ]; then
  echo "the race detector needs a C compiler"; exit 1
else
  echo "SKIP: the race detector needs a C compiler (gcc and libc6-dev)"
fi

step "fuzzing, briefly"
bash hack/fuzz.sh 2000x

step "generated files are fresh"
go run ./cmd/vedette catalog -o json | go run ./hack/catalogdoc | diff -u docs/finding-types.md - || { echo "run make docs"; exit 1; }

step "chart, release and cluster"
status=0
wait $beside || status=$?
cat "$beside_log"
[ $status = 0 ] || exit $status
step "done"

#!/usr/bin/env bash
# Runs every fuzz target: hack/fuzz.sh 60s for a while each, or 2000x for so many inputs each.
# The gate counts inputs: at the end of a time limit the fuzzer may report its own deadline as a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
budget=${1:-10s}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$PWD
grep -rl --include='*_test.go' '^func Fuzz' internal | xargs -n1 dirname | sort -u | while read -r dir; do
  # One program a package: a target alone would be linked each time.
  go test -c -fuzz . -o "$work/fuzz.test" "./$dir"
  cd "$root/$dir"
  for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' ./*_test.go); do
    echo "$target in $dir"
    "$work/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$budget" -test.fuzzminimizetime 10x \
      -test.fuzzcachedir "$(go env GOCACHE)/fuzz/$dir" 2>&1 | grep -v '^fuzz: elapsed' || exit 1
  done
  cd "$root"
done

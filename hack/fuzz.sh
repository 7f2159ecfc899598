#!/usr/bin/env bash
# Runs every fuzz target: hack/fuzz.sh 60s for a while each, or 2000x for so many inputs each.
# The gate counts inputs: at the end of a time limit the fuzzer may report its own deadline as a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
budget=${1:-10s}
grep -rl --include='*_test.go' '^func Fuzz' internal | while read -r file; do
  for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
    echo "$target in $(dirname "$file")"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$budget" -fuzzminimizetime 10x "./$(dirname "$file")" | grep -v '^fuzz: elapsed' || exit 1
  done
done

package kernel

// The objects are committed; they are made with Debian's clang-19 and
// libbpf-dev, and a test makes them again and compares.
//
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -tags linux -no-global-types sensor bpf/sensor.bpf.c -- -O2 -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Werror

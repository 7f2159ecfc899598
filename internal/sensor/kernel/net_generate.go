package kernel

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -tags linux -no-global-types network bpf/network.bpf.c -- -O2 -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Werror

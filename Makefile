# Two targets do all the set-up: `make demo` and `make test`. Both need Go alone.
GO ?= go
BIN := dist/vedette

.PHONY: all build demo test check bench e2e soak fuzz image docs clean

all: build

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/vedette

# The main job on real input: a server, an audit log through the webhook, findings.
demo: build
	$(GO) run ./cmd/demo -vedette $(BIN)

# Everything that can be tested on this machine. Where it is Debian and root it
# installs what the tests need; see hack/test.sh.
test:
	bash hack/test.sh

# What is quick: formatting, vet, unit tests.
check:
	@test -z "$$(gofmt -l cmd internal e2e)" || { gofmt -l cmd internal e2e; exit 1; }
	$(GO) vet ./...
	$(GO) test -short ./...

# The real cluster alone (root on Debian; ten minutes the first time).
e2e: build
	cd e2e && CI=$(CI) $(GO) test -tags e2e -count=1 -timeout 40m -v ./...

# Kills and harms everything for FOR, and compares with a scan. SEED repeats a run.
FOR ?= 10m
KILLS ?= 200
soak:
	SOAK_FOR=$(FOR) SOAK_KILLS=$(KILLS) SOAK_SEED=$(SEED) $(GO) test -run TestSoak -count=1 -timeout 12h -v ./internal/soak

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./internal/...

fuzz:
	bash hack/fuzz.sh 60s

# A container image of this commit, for nodes or a registry (docs/image.md).
image:
	cd hack/release && $(GO) run . image -out $(CURDIR)/dist/image

# What is generated: finding types, metrics, the chart's schema, values and manifests.
docs:
	mkdir -p dist
	$(GO) run ./hack/metricsdoc
	cd hack/chart && $(GO) run .
	$(GO) run ./cmd/vedette catalog -o json > dist/catalog.json
	$(GO) run ./hack/catalogdoc < dist/catalog.json > dist/finding-types.md
	mv dist/finding-types.md docs/finding-types.md

clean:
	rm -rf dist demo-data

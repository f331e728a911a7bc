# inferd: `make` prints the targets.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
GO      ?= go
VERSION ?= 0.3.0
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
STAMP   := inferd/internal/version
LDFLAGS := -s -w -X $(STAMP).Version=$(VERSION) -X $(STAMP).commit=$(COMMIT)
FUZZN   ?= 50000x

.DEFAULT_GOAL := help
.PHONY: help lib build run test race fuzz stress bench bench-compare pgo lint cover

help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

lib: lib/llama/RELEASE ## fetch the pinned llama.cpp libraries into lib/llama

lib/llama/RELEASE: packaging/llama/package-lock.json packaging/llama/fetch.sh
	packaging/llama/fetch.sh && touch $@

build: ## build every binary into bin/, and fetch the libraries if that can be done
	@$(MAKE) --no-print-directory lib || echo 'warning: no llama.cpp libraries; inferd is built' \
		'but cannot load models. Install npm and run make lib, or give --llama-lib DIR' >&2
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

run: lib ## start the daemon on its built-in model, ask it something, and say how to go on
	@$(MAKE) --no-print-directory build
	@packaging/run.sh

test: lib ## everything that must hold, with the race detector
	$(GO) test -race -timeout 20m ./...

race: test ## the same

fuzz: ## every fuzz target, FUZZN inputs each
	packaging/fuzz.sh $(FUZZN)

stress: lib ## the reliability scenarios at full size
	INFERD_STRESS=1 $(GO) test -timeout 60m -count=1 ./tests/...

bench: lib ## micro and end-to-end benchmarks, allocations reported
	$(GO) test -run '^$$' -bench . ./admit ./codec ./route ./loop ./engine/... ./internal/... ./bench/...

bench-compare: build ## the daemon against the baselines, interleaved; writes docs/benchmarks
	$(GO) run ./bench/compare

pgo: ## take the profile anew that the compiler optimises inferd by
	$(GO) run ./bench/compare --pgo cmd/inferd/default.pgo --duration 6s

lint: ## formatting, vet, staticcheck
	@out=$$($(GO) tool gofumpt -l .) && \
		{ test -z "$$out" || { echo "$$out"; echo 'run: go tool gofumpt -w .'; exit 1; }; }
	$(GO) vet ./... && $(GO) tool staticcheck ./...

cover: lib ## test coverage by package
	$(GO) test -cover ./... | sort -k5 -n -r

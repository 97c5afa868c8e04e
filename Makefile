# callbackd: what is done from the command line. "make" alone says what there is.
# On a Debian machine with Go, as root, each target does the set-up that it needs.

GOLANGCI_VERSION := v2.15.0
TOOLS            := $(CURDIR)/.tools
GOLANGCI         := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

# The end-to-end tests play real calls in real time.
TEST_LIMIT := 30m

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/callbackd
	go build -trimpath -o bin/callbackd ./cmd/callbackd

demo: build ## play the whole story with a real Asterisk, Postgres and phones
	go run ./asterisk-conf/lab/cmd/demo

# Not from the cache, which does not see that the program that the end-to-end tests run has changed.
test: need-gcc need-postgres need-speech build ## run all tests, the end-to-end ones too
	@go test -race -shuffle=on -count=1 -timeout $(TEST_LIMIT) ./... && echo "make test: every package passed"

lint: $(GOLANGCI) need-shellcheck ## check form, the linters' findings and the modules
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then printf 'gofmt -w is needed on:\n%s\n' "$$unformatted"; exit 1; fi
	go vet ./...
	$(GOLANGCI) run ./...
	go mod tidy -diff
	grep -rlIE --exclude-dir={.git,.lab,.tools,bin} '^#!.*[/ ](ba|da)?sh( |$$)' . | xargs -r shellcheck

lab: build ## bring up Asterisk, Postgres and callbackd, and write .lab/env
	go run ./asterisk-conf/lab/cmd/lab up

lab-down: ## stop what "make lab" has started
	go run ./asterisk-conf/lab/cmd/lab down

# One package after another, so that they don't take each other's time.
bench: ## run the benchmarks, and measure the estimate of the wait on simulated days
	go test -run '^$$' -bench . -benchmem -p 1 -timeout $(TEST_LIMIT) ./...
	go test -run TheEstimateIsClearlyBetter -count=1 -v ./callback/queue

picture: ## draw the way of a call again, for the README
	go run ./cmd/callbackd/picture

reference: ## write the scripts' reference and their schema for editors anew
	go test ./callback/script -count=1 -run Generated -update

# The linter is built once, under the name of its version.
$(GOLANGCI):
	@echo "building golangci-lint $(GOLANGCI_VERSION), once (some minutes)"
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(TOOLS)/golangci-lint $@

# The race detector needs a C compiler.
need-gcc:
	@command -v gcc >/dev/null || { apt-get update -q && apt-get install -q -y --no-install-recommends gcc libc6-dev; }

# The tests start Postgres servers of their own from the installed programs.
need-postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		{ apt-get update -q && apt-get install -q -y --no-install-recommends postgresql; }

# "callbackd script speak" speaks with what is installed; its tests speak with both.
need-speech:
	@{ command -v flite && command -v espeak-ng; } >/dev/null || \
		{ apt-get update -q && apt-get install -q -y --no-install-recommends flite espeak-ng; }

need-shellcheck:
	@command -v shellcheck >/dev/null || { apt-get update -q && apt-get install -q -y --no-install-recommends shellcheck; }

.PHONY: help build demo test lint lab lab-down bench picture reference need-gcc need-postgres need-speech need-shellcheck

# Every target is documented by the comment behind its name: `make` prints them.

SHELL := /bin/bash
.SHELLFLAGS := -o errexit -o nounset -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := bin
STATE := .run
DIST := dist

# What `make build` builds, and what `make image` calls the image.
COMMANDS := ./cmd/containerlease ./cmd/leasectl
IMAGE ?= localhost/containerlease/server

# Two packages at a time: the integration tests start Redis servers and containers of
# their own, and compete with each other for the CPU rather than for anything else.
TEST_PARALLEL ?= 2
# The packages whose tests need nothing but Go: pure functions and in-memory fakes. It is
# a list and not a flag, so that no test has a way to skip itself.
UNIT_PACKAGES := \
	./api/v1alpha1/... \
	./api/policy/... \
	./api/server/certs/... \
	./api/server/inprocess/... \
	./api/server/registry/... \
	./cmd/... \
	./controllers/container/... \
	./controllers/lease/... \
	./controllers/namespace/... \
	./reconciler \
	./reconciler/driver \
	./reconciler/driver/fake/... \
	./reconciler/driver/pull/... \
	./reconciler/driver/stats/... \
	./web/gateway/caller/... \
	./web/gateway/dashboard/... \
	./web/gateway/leases/... \
	./web/gateway/problem/... \
	./web/gateway/requestid/... \
	./web/gateway/rest/openapi/...
# The end-to-end tests watch the clock, so they run after the others and not beside them.
E2E_PACKAGES := ./hack/e2e/...

# What --version and /version say. Kubernetes clients want a semantic version, so that a
# clone without tags is a development build of the next release. The date is the
# commit's: the same commit makes the same binary.
GIT_COMMIT := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
GIT_DIRTY := $(shell git status --porcelain --untracked-files=no 2>/dev/null | head -c 1)
GIT_TREE_STATE := $(if $(GIT_DIRTY),dirty,clean)
BUILD_DATE := $(shell TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u +%Y-%m-%dT%H:%M:%SZ)
VERSION ?= $(shell git describe --exact-match --tags --match 'v[0-9]*' 2>/dev/null || echo v0.1.0-dev+$$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown))

VERSION_PACKAGE := k8s.io/component-base/version
LDFLAGS := -s -w \
	-X $(VERSION_PACKAGE).gitVersion=$(VERSION) \
	-X $(VERSION_PACKAGE).gitCommit=$(GIT_COMMIT) \
	-X $(VERSION_PACKAGE).gitTreeState=$(GIT_TREE_STATE) \
	-X $(VERSION_PACKAGE).buildDate=$(BUILD_DATE)

# The dashboard, which is built into the server: what it is made from, and a file that is
# made last.
UI := web/ui
UI_SOURCES := $(shell find $(UI)/src $(UI)/public $(UI)/*.json $(UI)/*.ts $(UI)/*.mjs $(UI)/index.html -type f)
UI_BUILT := $(UI)/dist/index.html

# The linter has a directory for each version, so that another version is another build
# and the same one is kept between runs.
GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := $(BIN)/tools/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint

##@ Try it

.PHONY: demo
demo: ## Install what is missing, start a server, run a short lease to its bill; leaves the server running
	@hack/setup/with.sh docker redis -- hack/demo/demo.sh

.PHONY: demo-stop
demo-stop: ## End the leases of the demo's server and stop it
	@hack/setup/with.sh docker -- hack/demo/stop.sh

.PHONY: run
run: build ## Run the server in the foreground, with its data in .run/data
	@hack/setup/with.sh docker redis -- $(BIN)/containerlease serve --data-dir $(STATE)/data

##@ Build

.PHONY: build
build: $(if $(filter ./cmd/containerlease,$(COMMANDS)),$(UI_BUILT)) ## Build bin/containerlease, with the dashboard in it, and bin/leasectl
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ $(COMMANDS)

$(UI_BUILT): $(UI_SOURCES)
	@hack/setup/with.sh node -- hack/ui/install.sh
	npm --prefix $(UI) run --silent build

.PHONY: dev
dev: ## Serve the dashboard with what is edited in it, in front of CONTAINERLEASE_SERVER, by default the one of make run
	@hack/setup/with.sh node -- hack/ui/install.sh
	npm --prefix $(UI) run dev

.PHONY: image
image: ## Build the container image IMAGE, from scratch around the static binaries
	@hack/setup/with.sh docker -- hack/release/image.sh $(IMAGE)

.PHONY: release
release: ## Build the archives of a release from the last commit, with checksums, in dist/
	@hack/release/release.sh $(DIST)

.PHONY: print-version
print-version:
	@echo '$(VERSION)'

.PHONY: generate
generate: ## Regenerate code, CRDs, the dashboard's types and the reference of the commands
	@hack/setup/with.sh node -- hack/generate.sh
	go run ./hack/docs .

##@ Check

.PHONY: verify
verify: ## Check that generated files, modules and formatting are up to date
	@hack/verify.sh

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run the linters, the import rules among them, and check the dashboard's types
	$(GOLANGCI_LINT) run ./...
	@hack/setup/with.sh node -- hack/ui/install.sh
	npm --prefix $(UI) run --silent check

.PHONY: test
test: ## Install what is missing and run every test, end-to-end tests included
	@hack/setup/with.sh docker redis-server busybox compiler node chromium -- $(MAKE) --no-print-directory test-here

.PHONY: test-here
test-here: build
	go test -race -shuffle=on -p $(TEST_PARALLEL) -timeout 20m \
		$$(go list ./... | grep -v '/hack/e2e')
	go test -race -shuffle=on -p 1 -timeout 20m $(E2E_PACKAGES)
	npm --prefix $(UI) run --silent test
	npm --prefix $(UI) run --silent test:browser

.PHONY: test-unit
test-unit: ## Run the tests that need neither Docker nor Redis
	go test -shuffle=on -timeout 5m $(UNIT_PACKAGES)
	@hack/setup/with.sh node -- hack/ui/install.sh
	npm --prefix $(UI) run --silent test

.PHONY: test-browser
test-browser: build ## Run the dashboard's tests in Chromium, on a real server, Redis and Docker
	@hack/setup/with.sh docker redis-server busybox node chromium -- npm --prefix $(UI) run --silent test:browser

.PHONY: screenshots
screenshots: build ## Take the pictures of the dashboard in docs/images
	@hack/setup/with.sh docker redis-server busybox node chromium -- npm --prefix $(UI) run --silent screenshots

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME, a minute by default
	@hack/setup/with.sh docker redis-server busybox compiler -- hack/fuzz.sh

.PHONY: bench
bench: build ## Measure store, leases and footprint beside their peers: a few minutes
	@hack/setup/with.sh docker redis-server busybox -- go run ./hack/bench -server $(BIN)/containerlease

##@ Tidy up

.PHONY: clean
clean: ## Stop what demo and set-up started; remove what was built, and .run/ (the data of run and demo)
	@hack/setup/clean.sh
	rm -rf $(BIN) $(DIST)
	find $(UI)/dist -mindepth 1 ! -name .gitkeep -delete

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make <target>"} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  \033[36m%-11s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(GOLANGCI_LINT):
	@echo "Building golangci-lint $(GOLANGCI_LINT_VERSION), once: a few minutes"
	GOBIN=$(abspath $(@D)) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

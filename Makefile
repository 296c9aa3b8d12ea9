# SPDX-License-Identifier: Apache-2.0
# "make help" lists the targets. Tools are pinned here; what is slow to build is kept in a cache outside the checkout.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

CACHE  ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kubectl-shareproc
BIN    := $(CURDIR)/bin
PLUGIN := $(BIN)/kubectl-shareproc
export CGO_ENABLED := 0

GOLANGCI_LINT_VERSION := v2.15.0
LINT := $(CACHE)/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint

DEADCODE_VERSION := v0.52.0
DEADCODE := $(CACHE)/deadcode-$(DEADCODE_VERSION)/deadcode
# pkg/remote/sh is one program of several files, and is checked as one.
SCRIPTS = $(sort $(filter-out pkg/remote/sh/%,$(shell find pkg -name '*.sh')))

GOVULNCHECK_VERSION := v1.9.0
GOVULNCHECK := $(CACHE)/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck
# The database of vulnerabilities as a Go module, so that a test run finds the same ones on every day and needs no other network.
# make vuln VULNDB=https://vuln.go.dev STRICT=-strict asks for today's, before a release.
VULNDB_VERSION := v0.0.0-20261105234957-e22db6528018
VULNDB ?= file://$$(GOWORK=off go mod download -json golang.org/x/vulndb@$(VULNDB_VERSION) | sed -n 's/^.*"Dir": "\(.*\)".*/\1/p')/data/osv
STRICT ?=
KREW_VERSION := v0.4.3
KREW := $(CACHE)/krew-$(KREW_VERSION)/krew

# Where "make install" puts things; DESTDIR goes before it, for packages.
PREFIX  ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)
DESTDIR ?=
BINDIR  := $(DESTDIR)$(PREFIX)/bin
MANDIR  := $(DESTDIR)$(PREFIX)/share/man/man1

# A cluster other than the local one is used only where it is named: make demo CONTEXT=kind-kind.
# Its images: E2E_BUSYBOX, E2E_NGINX, E2E_NGINX_NONROOT.
CONTEXT ?=
E2E_BUSYBOX ?=
E2E_NGINX ?=
E2E_NGINX_NONROOT ?=
# The local cluster's version, of those that "go run ./test/cluster help" names; each has a cluster of its own.
KUBERNETES ?=
# vm: the local cluster whose node is a virtual machine with cgroup v2.
NODE ?=
CLUSTER := $(if $(KUBERNETES),--kubernetes=$(KUBERNETES)) $(if $(NODE),--node=$(NODE))
# What the end-to-end tests and the demo run with; test/with-cluster fills it in.
ENV := CONTEXT='$(CONTEXT)' CLUSTER='$(CLUSTER)' BIN='$(BIN)' SHAREPROC_E2E_BUSYBOX='$(E2E_BUSYBOX)' SHAREPROC_E2E_NGINX='$(E2E_NGINX)' SHAREPROC_E2E_NGINX_NONROOT='$(E2E_NGINX_NONROOT)' SHAREPROC_E2E_SLOW=$(if $(NODE),4) test/with-cluster
# An emulated processor takes a third of a real one even when nothing runs on it.
END_VM = { [ "$$(uname -s)-$$(id -u)" != Linux-0 ] || $(MAKE) cluster-down NODE=vm; }
E2E_RUN ?=
E2E_TIMEOUT ?= $(if $(NODE),90m,20m)
FUZZTIME ?= 3s
# The scripts that run in the helper are tested under sh, and under the helper's own shell where one can be had.
BUSYBOX := $(CACHE)/busybox
TESTS := ./test/budget ./test/conform ./test/faultproxy ./test/release ./test/script ./test/vuln
RACE := $(if $(shell command -v gcc || command -v clang),-race)
WITH_BUSYBOX = SHAREPROC_TEST_BUSYBOX=$$(test ! -x $(BUSYBOX) || echo $(BUSYBOX))

.PHONY: help build install uninstall demo test test-full lint dead scripts unit unit-full fuzz bench release-snapshot release-test vuln cross clients vet e2e e2e-docs e2e-vm e2e-vm-full e2e-full test-faults picture fmt cluster-test cluster cluster-vm cluster-down kubectl clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the plugin into bin/
	go build -trimpath -buildvcs=auto -ldflags '-s -w' -o $(PLUGIN) ./cmd/kubectl-shareproc
	ln -sf kubectl-shareproc $(BIN)/kubectl_complete-shareproc

install: build ## Install the plugin, its completion and its manual pages below PREFIX (/usr/local for root, else ~/.local)
	install -d "$(BINDIR)" "$(MANDIR)"
	install -m 755 $(PLUGIN) "$(BINDIR)/kubectl-shareproc"
	ln -sf kubectl-shareproc "$(BINDIR)/kubectl_complete-shareproc"
	install -m 644 docs/man/kubectl-shareproc*.1 "$(MANDIR)"
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "$(PREFIX)/bin is not in PATH: kubectl finds plugins only there";; esac

uninstall: ## Remove what "make install" installed, with the same PREFIX
	rm -f "$(BINDIR)/kubectl-shareproc" "$(BINDIR)/kubectl_complete-shareproc" "$(MANDIR)"/kubectl-shareproc.1 "$(MANDIR)"/kubectl-shareproc-*.1

demo: build ## Show the main job on a real distroless nginx, on the local cluster
	$(ENV) test/demo

test: lint vuln unit vet e2e ## What every change passes: format, lint, unit with race, scripts, one line of everything on a cluster
	@echo "make test: all passed"

test-full: lint vuln unit-full vet fuzz cross clients e2e-full e2e-vm-full release-test cluster-test ## Before a release: the same with every matrix, fuzz, all platforms, krew, the cluster itself
	@echo "make test-full: all passed"

lint: $(LINT) dead scripts ## Format, house rules, dead functions, and the scripts
	GOWORK=off go mod tidy -diff
	$(LINT) run --allow-parallel-runners ./...
	cd test/cluster && $(LINT) run --allow-parallel-runners --config $(CURDIR)/.golangci.yaml ./...
	$(LINT) fmt --diff

dead: $(DEADCODE) ## Functions that the program never reaches
	@dead=$$($(DEADCODE) ./cmd/...); \
	if [ -n "$$dead" ]; then echo "$$dead"; exit 1; fi

scripts: ## The scripts that run in a pod, under shellcheck
	@if ! command -v shellcheck >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get install -qy shellcheck >/dev/null 2>&1 || { apt-get update -q && apt-get install -qy shellcheck; } >/dev/null 2>&1 || true; \
	fi; \
	if ! command -v shellcheck >/dev/null; then echo "scripts: left out: no shellcheck (install the package shellcheck)"; exit 0; fi; \
	shellcheck -s dash $(SCRIPTS); \
	cat pkg/remote/sh/*.sh | shellcheck -s dash -

fmt: $(LINT) ## Format the code
	$(LINT) fmt

# In their own order, so that what has not changed since is not run again.
unit: $(BUSYBOX) ## Unit tests with the race detector (where there is a C compiler), and whole command lines without a cluster
	$(WITH_BUSYBOX) CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) -short -timeout 20m ./cmd/... ./pkg/...
	$(WITH_BUSYBOX) go test -short -timeout 20m $(TESTS)
	cd test/cluster && go test ./...

unit-full: $(BUSYBOX) ## The same in any order and each trial: the scripts of the helper under both shells, then all with the race detector
	$(WITH_BUSYBOX) go test -shuffle=on -timeout 30m ./cmd/... ./pkg/... $(TESTS)
	$(if $(RACE),$(WITH_BUSYBOX) CGO_ENABLED=1 go test -race -short -shuffle=on -timeout 20m ./cmd/... ./pkg/...,@echo "race: left out: no C compiler (install gcc)")
	cd test/cluster && go test ./...

fuzz: ## Every parser of remote output, for FUZZTIME each
	@for package in $$(go list ./pkg/...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "fuzz $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package; \
	  done; done

bench: build ## Measure against kubectl on a cluster, and write the figures into docs/performance.md (ROW=NAME: only those rows, without writing)
	SHAREPROC_BENCH=1 $(ENV) go test -count=1 -timeout 60m -v ./test/bench -update -only '$(ROW)'

release-snapshot: ## Archives of this commit for all platforms, checksums and the krew manifest, in dist/
	go run ./test/release

release-test: release-snapshot kubectl $(KREW) ## Install those archives as krew does, and run one through kubectl
	PATH="$(BIN):$$PATH" SHAREPROC_TEST_KREW=$(dir $(KREW)) SHAREPROC_TEST_DIST=$(CURDIR)/dist go test -count=1 -run Krew -v ./test/release

vuln: $(GOVULNCHECK) ## Known vulnerabilities that are reached (VULNDB=https://vuln.go.dev for today's)
	@findings=$$(mktemp); trap 'rm -f "$$findings"' EXIT; \
	GOWORK=off $(GOVULNCHECK) -format json -db "$(VULNDB)" ./cmd/... ./pkg/... >"$$findings"; \
	go run ./test/vuln $(STRICT) <"$$findings"

cross: release-snapshot ## Build for all six platforms, and measure

clients: release-snapshot ## Start the binaries for other systems, under Wine and qemu where they are installed
	test/clients dist

vet: ## Check code and tests for the other systems
	GOOS=darwin GOARCH=arm64 go vet ./cmd/... ./pkg/...
	GOOS=windows GOARCH=amd64 go vet ./cmd/... ./pkg/...

e2e: build ## One line for each command and each kind of pod, on a real cluster (KUBERNETES=1.30: on an old one)
	$(ENV) go test -count=1 -short -parallel $(if $(NODE),1,4) -timeout $(E2E_TIMEOUT) -run '$(E2E_RUN)' ./test/e2e

# What says most about control groups of version 2, in the time that a change may take: the rest is "make e2e NODE=vm".
e2e-vm: build ## Limits of pods and user namespaces, on a node in a virtual machine (KVM, or emulated and slow)
	$(MAKE) e2e NODE=vm E2E_RUN='TestLimits$$' E2E_TIMEOUT=15m && $(END_VM)

e2e-vm-full: build ## One line for everything on that node (half an hour where it is emulated)
	$(MAKE) e2e NODE=vm && $(END_VM)

e2e-docs: build ## Every example of --help, every guide and the README, typed as they stand
	$(ENV) go test -count=1 -parallel 4 -timeout $(E2E_TIMEOUT) -run 'Test(Examples|Guides)$$' ./test/e2e

e2e-full: build ## Every script, ending, role, attack and broken line on a real cluster (about 20 minutes)
	$(ENV) go test -count=1 -parallel 4 -timeout 60m ./test/e2e

test-faults: build ## Break 600 copies at random bytes of their streams, and hold cp to its promise (about 20 minutes)
	SHAREPROC_FAULTS=600 $(ENV) go test -count=1 -parallel 12 -timeout 60m -run 'TestTransfersOverBadLines$$' -v ./test/e2e

picture: build ## Draw docs/demo.svg and docs/browse.svg from real sessions
	$(ENV) go test -count=1 -run 'Test(Browse)?Picture$$' ./test/e2e -update-picture

cluster-test: ## The local cluster's own promises: nothing left behind, crashes cleaned up
	@if [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ]; then \
	  cd test/cluster && SHAREPROC_CLUSTER_TEST=1 go test -count=1 .; \
	else echo "cluster-test: left out: needs Linux and root"; fi

cluster: ## Start the local cluster (Linux, root)
	go run ./test/cluster up $(CLUSTER)

cluster-vm: ## Start the one whose node is a virtual machine with cgroup v2
	$(MAKE) cluster NODE=vm

cluster-down: ## Stop it, leaving nothing behind (NODE=vm, KUBERNETES=1.30: that one)
	go run ./test/cluster down $(CLUSTER)

kubectl: ## Put the cluster's kubectl beside the plugin
	$(ENV) ls -l $(BIN)/kubectl

clean: ## Remove what was built here
	rm -rf $(BIN)

$(LINT):
	mkdir -p $(@D)
	GOWORK=off GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(DEADCODE):
	mkdir -p $(@D)
	GOWORK=off GOBIN=$(@D) go install golang.org/x/tools/cmd/deadcode@$(DEADCODE_VERSION)

$(GOVULNCHECK):
	mkdir -p $(@D)
	GOWORK=off GOBIN=$(@D) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

$(KREW):
	mkdir -p $(@D)
	GOWORK=off GOBIN=$(@D) go install sigs.k8s.io/krew/cmd/krew@$(KREW_VERSION) sigs.k8s.io/krew/cmd/validate-krew-manifest@$(KREW_VERSION)

$(BUSYBOX):
	@if command -v apt-get dpkg-deb >/dev/null; then \
	  directory=$$(mktemp -d); trap 'rm -rf "$$directory"' EXIT; cd "$$directory"; \
	  { apt-get download -q busybox-static || { apt-get update -q && apt-get download -q busybox-static; }; } >/dev/null 2>&1; \
	  dpkg-deb -x busybox-static_*.deb .; mkdir -p $(@D); mv "$$(find . -path '*bin/busybox' -type f)" $@; \
	else echo "unit: the scripts are tested under sh only: no apt-get to get a static busybox with (put one at $@)"; fi

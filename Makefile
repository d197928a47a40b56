# Everything that a newcomer types. `make help` lists it; the work itself is in scripts/setup.sh and `cargo xtask`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(HOME)/.cargo/bin:$(PATH)

# The lab makes network namespaces and loads eBPF programs: root's business. Building is not.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
DNLB := target/release/dnlb

.PHONY: help setup build demo demo-down test bench torture fmt lint

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing needs and this machine lacks
	@scripts/setup.sh

build: setup ## Build target/release/dnlb
	@cargo xtask console

demo: build ## Bring up a region on this machine and walk through it (needs root)
	@$(SUDO) $(DNLB) lab demo

demo-down: ## Remove the demo's region (needs root)
	@if [ -x $(DNLB) ]; then $(SUDO) $(DNLB) lab down; else echo "nothing was built, so there is nothing to remove"; fi

test: ## Every check and every test, also those that need root
	@scripts/setup.sh --deny
	@cargo xtask ci

bench: build ## Everything that is measured, as one page of Markdown (needs root; installs nginx and HAProxy; about ten minutes)
	@scripts/setup.sh --bench
	@cargo build --release --quiet -p dnlb-bench
	@$(SUDO) scripts/bench.sh

torture: build ## Thousands of connections that check their bytes while everything changes (needs root)
	@$(SUDO) $(DNLB) lab torture

fmt: ## Format the sources
	@cargo fmt --all

lint: setup ## Formatting, clippy, rustdoc, dependency rule, generated pages
	@cargo xtask lint

# AUREN's infrastructure. `make help` tells what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.SILENT:

PYTHON ?= python3
# What the services of the rehearsal run: `built` (here, from packages), or `production` (what production pulls).
IMAGES ?=
VENV := .venv/bin
# By their first line: some must have names without an ending.
SHELL_SCRIPTS = $(shell grep -rIlE '^\#!/(usr/bin/env |bin/)(ba)?sh' .ci .github sandbox auren_infra tests --exclude='*.py')
# The tests that need Python packages alone.
QUICK_TESTS := $(wildcard tests/unit tests/files)

.PHONY: help up down test check preview ready

help: ## this list
	sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

up: .venv/.for-running ## set up the cloud on this machine, provision AUREN in it, say where to look (root)
	$(VENV)/python -m sandbox start $(if $(IMAGES),--images $(IMAGES))
	environment="$$($(VENV)/python -m sandbox env)"
	eval "$$environment"
	pulumi up --yes
	echo
	$(VENV)/python -m sandbox status

down: .venv/.for-running ## destroy the local stack and remove all but the cache (root)
	$(VENV)/python -m sandbox down

preview: .venv/.for-running ## preview the prod stack against the simulated APIs; changes nothing
	$(VENV)/python -m sandbox preview --stack prod

check: .venv/.for-development ## format, types, imports, shell scripts, unit tests: Python packages only
	$(call run_checks)
	$(VENV)/pytest -q $(QUICK_TESTS)

test: .venv/.for-development ## everything: the checks, then all tests, on real machines in this machine (root)
	$(call run_checks)
	$(VENV)/python -m sandbox prepare
	$(VENV)/pytest

define run_checks
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/pyright
	$(VENV)/lint-imports
	$(VENV)/shellcheck $(sort $(SHELL_SCRIPTS))
endef

# Before anything is installed: what this machine lacks for what is asked for. Any Python can tell.
ready:
	for goal in $(filter up down test,$(MAKECMDGOALS)); do
		$(firstword $(wildcard $(VENV)/python) $(PYTHON)) -m sandbox ready "$$goal"
	done

.venv/.for-running: requirements.txt sandbox/requirements.txt .venv/bin/python | ready
	$(VENV)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r sandbox/requirements.txt
	touch $@

.venv/.for-development: requirements-dev.txt .venv/.for-running | ready
	$(VENV)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# Debian and Ubuntu keep the part that makes environments in a package of its own.
.venv/bin/python: | ready
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: install it, then \`make PYTHON=python3.12 …\`" >&2; exit 1; }
	if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then
		package="python$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
		if [[ $$EUID != 0 ]] || ! command -v apt-get >/dev/null; then
			echo "$(PYTHON) cannot make virtual environments: install $$package" >&2
			exit 1
		fi
		echo "installing $$package"
		export DEBIAN_FRONTEND=noninteractive
		install=(apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$$package")
		"$${install[@]}" >/dev/null || { apt-get -qq update && "$${install[@]}" >/dev/null; }
	fi
	$(PYTHON) -m venv .venv

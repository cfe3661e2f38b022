# Everything a newcomer needs; the first call of any target sets up .venv, later calls are quick.
.DEFAULT_GOAL := help
.PHONY: help setup demo test prove check format bench pictures lock clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## set up .venv from requirements.lock, nothing else

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	  { echo "Waybill needs Python 3.11 or newer; there is no $(PYTHON) here. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Waybill needs Python 3.11 or newer; this is $$($(PYTHON) -V). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "This Python has no venv module (Debian and Ubuntu package it apart): apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## the simulated hospital network with control plane, gateway and dashboards, until Ctrl-C
	@$(BIN)/waybill demo

test: $(READY) ## all tests, with scaled-down versions of the long proofs
	@$(BIN)/python -m pytest --ignore tests/e2e --numprocesses 2 --dist loadfile
	@$(BIN)/python -m pytest tests/e2e

prove: $(READY) ## the full, long proofs (kills under load, absence of the control plane, snapshot swaps)
	@$(BIN)/python -m pytest tests/e2e --prove

check: $(READY) ## ruff, types, import directions
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

format: $(READY) ## format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(READY) ## throughput and cost of governed calls beside direct ones (needs wrk); reported, never gating
	@$(BIN)/python -m tests.bench

pictures: $(READY) ## the README's pictures, taken anew of the running demo (needs chromium)
	@$(BIN)/python -m tests.e2e.picture

lock: $(READY) ## resolve pyproject.toml anew into requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra dashboards --extra dev --output-file requirements.lock --upgrade pyproject.toml

clean: ## remove .venv and caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

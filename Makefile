# Two commands: `make demo` shows the main job, `make test` checks everything.
# Both set up .venv first, which takes a minute once and nothing afterwards.

PYTHON ?= python3
BIN := .venv/bin
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
endif
READY := .venv/ready

.PHONY: help setup demo test style types layers tests bench clean

help:
	@echo "make demo    serve a key-value store over TCP, TLS and a Unix socket, and use it"
	@echo "make test    all checks: format, lint, types, layers, tests"
	@echo "make bench   portside beside its peers, in one run"
	@echo "make clean   remove what the others made"

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'portside needs Python 3.11 or newer; choose one with make PYTHON=...')"
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || { echo "this Python cannot make virtual environments: install its venv package, such as python3-venv"; exit 1; }
	@echo "setting up .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(READY)

demo: $(READY)
	@$(BIN)/python examples/demo.py

test: style types layers tests

style: $(READY)
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .

types: $(READY)
	@$(BIN)/mypy

layers: $(READY)
	@$(BIN)/lint-imports --no-logo

tests: $(READY)
	@$(BIN)/python -m pytest

bench: $(READY)
	@$(BIN)/python bench/run.py

clean:
	rm -rf .venv bench/build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Two commands matter: `make run` and `make test`. Both work from a fresh clone with Python 3.11+, make and a package index.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DATA   ?= data
RUNS   := $(VENV)/.runs
TESTS  := $(VENV)/.tests

.PHONY: help install run test check format lint types bench docs clean

help:
	@echo "make run            start the gateway, ask the embedded model, stay up (ONCE=1: exit after the answer)"
	@echo "make test           every test"
	@echo "make check          format, lint, types, tests: what CI runs"
	@echo "make bench          the benchmark table, beside nginx"
	@echo "make install        .venv with everything the program and its tests need"
	@echo "make docs           write docs/providers.md anew from the provider rows"

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit("trunkline needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade 'pip>=25.1'
	@touch $@

# What the program needs, and the model it answers with.
$(RUNS): $(VENV)/.made pyproject.toml
	$(PIP) --editable '.[local]'
	$(BIN)/trunkline models fetch --data $(DATA)
	@touch $@

# What the tests need beside that.
$(TESTS): $(RUNS)
	$(PIP) --editable '.[all]' --group dev
	@touch $@

install: $(TESTS)

run: $(RUNS)
	@$(BIN)/trunkline demo --data $(DATA) $(if $(ONCE),--once)

test: $(TESTS)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(TESTS) format lint types test

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

bench: $(TESTS)
	$(BIN)/python -m bench $(ARGS)

docs: $(TESTS)
	$(BIN)/python -m trunkline.provider_page docs/providers.md

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

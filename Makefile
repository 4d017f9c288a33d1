# `make devnet` runs the main job, `make test` passes the tests; both create what is missing.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
ARGS ?=
FUZZ_SECONDS ?= 60

.PHONY: install devnet test lint types unit fuzz stubs clean

install: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "Python 3.11 to 3.13 is required (PYTHON=…)")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	$(VENV)/bin/python -m devnet.anvil
	$(VENV)/bin/python -m devnet.uniswap
	@touch $(STAMP)

devnet: install
	$(VENV)/bin/zkclear devnet run $(ARGS)

lint: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: install
	$(VENV)/bin/mypy

# Networks of real processes have the machine to themselves; all other tests share its processors.
unit: install
ifeq ($(strip $(ARGS)),)
	$(VENV)/bin/pytest --benchmark-disable -m 'not e2e' -n auto --maxprocesses 8 --dist loadfile
	$(VENV)/bin/pytest --benchmark-disable -m e2e
else
	$(VENV)/bin/pytest --benchmark-disable $(ARGS)
endif

test: lint types unit

fuzz: install
	$(VENV)/bin/python -m pip install --quiet --editable '.[fuzz]'
	$(VENV)/bin/python -m tests.fuzz --all -max_total_time=$(FUZZ_SECONDS)

stubs: install
	$(VENV)/bin/python node/stubs/generate.py

clean:
	rm -rf $(VENV) .devnet .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info

# Two commands matter: `make demo` books a database, `make test` proves that everything works.
# Both do all of their own set-up. `make` alone prints this help.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# Ansible refuses to start without a UTF-8 locale, which a bare machine may not set.
export LC_ALL := C.UTF-8
# Many processes start here: without compiled files each would compile this repository's modules anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
SETUP_STAMP := .venv/.installed
PYTEST_ARGS ?=
PYTHON_CODE := simulator webapp demo benchmarks tests scripts collections/sqlhosting

.PHONY: help setup demo test quick matrix chaos check format lint types imports ansible-lint sanity molecule bench lock build clean

help: ## print this help
	@echo "SQL hosting platform"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'
	@echo
	@echo "  make demo ONCE=1          the demo without a terminal: exits when it is done"
	@echo "  make test PYTEST_ARGS=…   pass arguments to pytest, for instance -k quota"

setup: $(SETUP_STAMP) ## system packages where missing, a virtual environment, locked dependencies

$(SETUP_STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh

demo: setup ## start simulated instances, book an application, show the T-SQL (ONCE=1: and stop)
	@$(BIN)/python -m demo $(if $(ONCE),--once)

test: setup ## run all tests (both ODBC drivers, no real SQL Server needed)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

quick: setup ## for each save: the tests that need no process of their own, without the sweeps
	@$(BIN)/python -m pytest --quick $(PYTEST_ARGS)

matrix: setup ## run the tests in every combination of database, driver and options
	@$(BIN)/python -m pytest --matrix $(PYTEST_ARGS)

chaos: setup ## kill every kind of process at every place of a booking
	@$(BIN)/python -m pytest --chaos $(PYTEST_ARGS)

check: lint types imports ansible-lint sanity test molecule ## everything a change must pass

format: setup ## format the Python code and mend what the linter can mend
	@$(BIN)/ruff format $(PYTHON_CODE)
	@$(BIN)/ruff check --fix $(PYTHON_CODE)

lint: setup ## format and lint, changing nothing
	@$(BIN)/ruff format --check $(PYTHON_CODE)
	@$(BIN)/ruff check $(PYTHON_CODE)

types: setup ## type-check the Python packages
	@$(BIN)/mypy

imports: setup ## check who may import whom
	@PYTHONPATH=.:collections $(BIN)/lint-imports

ansible-lint: setup ## ansible-lint, production profile
	@$(BIN)/ansible-lint --offline

sanity: setup ## ansible-test sanity on the built and installed collection
	@scripts/sanity.sh

molecule: setup ## every role's molecule scenario, against the simulator
	@scripts/molecule.sh

bench: setup ## measure and write benchmarks/results/
	@$(BIN)/python -m benchmarks

build: setup ## build the collection's archive into build/
	@$(BIN)/ansible-galaxy collection build --force --output-path build collections/sqlhosting/mssql

lock: setup ## renew requirements.lock from pyproject.toml
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url \
		--no-annotate --python-version 3.11 --custom-compile-command "make lock" -o requirements.lock $(LOCK_ARGS)

clean: ## remove the virtual environment and everything generated
	rm -rf .venv .cache .artifacts .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist *.egg-info

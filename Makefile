# Needs only Python 3.11+ and make. Everything is installed into .venv, from locked and hashed dependencies.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAMPLES := textbook web_forum support_tickets
# Each command would compile all that it imports anew: some containers set this.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test axioms check check-code check-shown bench leakage sample docs lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# What a user needs, or at once what a developer needs, which holds the same versions and more. Of that, bytecode is
# made when it is first imported: most of it never is.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(call install,$(PIP) --require-hashes --requirement requirements.lock)
	@touch $@

$(VENV)/.developed: requirements.lock requirements-dev.lock pyproject.toml
	$(call install,$(PIP) --no-compile --require-hashes --requirement requirements-dev.lock)
	@touch $(VENV)/.installed $@

define install
$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(1)
	$(PIP) --no-deps --no-build-isolation --editable .
endef

sample: $(VENV)/.installed ## write the three sample datasets
	$(BIN)/python sample_data/make.py

demo: sample ## scan the samples, show the verdicts and where the reports are
	@$(BIN)/python sample_data/demo.py out/demo

test: $(VENV)/.developed ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

axioms: $(VENV)/.developed ## try every axiom of the risk model on 1,000 generated tables
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n 2 tests/risk/test_axioms.py

check: $(VENV)/.developed ## format, lint, types, layers, rules, docs
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check-code check-shown

check-code:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-shown:
	$(BIN)/scanner rules check
	$(BIN)/python docs/printed.py --check

bench: $(VENV)/.developed ## time it against its peers; writes benchmarks/results.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-bench.lock
	$(BIN)/python -m benchmarks

leakage: $(VENV)/.installed ## train small models on planted values, hold the score to what they leak
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[leakage]'
	$(BIN)/python -m benchmarks.leakage

docs: $(VENV)/.installed ## print anew what the docs show
	$(BIN)/python docs/printed.py

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --extra build --universal --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --extra build --extra dev --constraint requirements.lock --universal --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements-dev.lock
	uv pip compile pyproject.toml --extra build --extra bench --constraint requirements.lock --universal --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements-bench.lock

clean: ## remove everything that was made
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache sample_data/*/*.parquet

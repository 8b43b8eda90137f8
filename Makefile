# make setup      an environment in .venv with pinned versions
# make demo       train two recipes on embedded data and compare them: minutes, no download but the packages
# make test       everything that is checked
# make tables     the tables of docs/ from what suites measured, docs/results/*.json
# make gpu-check  the same code on a CUDA device, with the Python packages installed here

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint sanitize tables format gpu-check clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' $(firstword $(MAKEFILE_LIST))
	@echo 'make lint       style, types and the order of the rooms'
	@echo 'make sanitize   the native code under the address, undefined-behaviour and thread sanitizers'
	@echo 'make format     rewrite the code in the house style'
	@echo 'make clean      remove caches and the environment; runs/ stays'

setup: $(READY)

$(READY): requirements.txt pyproject.toml $(wildcard native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "allmodes needs Python 3.11 or newer, which '$(PYTHON)' is not. Name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/python benchmarks/demo.py $(if $(FRESH),--fresh)

test: setup lint sanitize
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m 'not gpu'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The native code against brute force, built twice, with OpenMP; SANITIZED is what the compiler adds to find its errors.
# Threads that wait sleep: under a sanitizer, spinning ones take most of the time.
sanitize: export OMP_WAIT_POLICY := PASSIVE
sanitize: export OMP_NUM_THREADS := 2
sanitize: setup
	for SANITIZED in address,undefined thread; do \
	  BUILD=build/fuzz-$${SANITIZED%%,*} && \
	  $(BIN)/cmake -S native -B $$BUILD -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja -DALLMODES_PYTHON=OFF \
	    -DALLMODES_FUZZ=ON -DALLMODES_SANITIZE=$$SANITIZED > /dev/null && \
	  $(BIN)/ninja -C $$BUILD --quiet && $$BUILD/fuzz 3 || exit 1; \
	done

tables: setup
	$(BIN)/python benchmarks/tables.py

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Plugins and reference packages may be missing here: no pytest options but these, no files but those with GPU tests.
gpu-check: export PYTHONPATH := src$(if $(PYTHONPATH),:$(PYTHONPATH))
gpu-check:
	@$(PYTHON) -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null || \
	  { echo "gpu-check needs PyTorch and a CUDA device; '$(PYTHON)' finds none here."; exit 1; }
	$(PYTHON) -m pytest -o addopts= -q -m gpu $$(grep -rl 'mark\.gpu' tests)
	$(PYTHON) -m allmodes.cli train stacked-digits/imle-gan --device cuda --images 25600 --fresh --out runs/gpu-check
	$(PYTHON) -m allmodes.cli bench search --quick --out runs/gpu-check/bench
	$(PYTHON) -m allmodes.cli bench training --quick --device cuda --out runs/gpu-check/bench

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

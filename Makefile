# Every target sets up what it needs: a virtual environment in .venv with the pinned packages of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test proof lint bench figures clean

## the whole way on handwritten digits: train, map, write Verilog, simulate, compare
demo: $(READY)
	$(BIN)/captwin demo

## all tests but the long proofs
test: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal

## the long proofs: MNIST through both simulators, more random chips
proof: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal -m proof

## formatting, style, types, and the direction of imports
lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## speeds, as a table and as build/bench.json
bench: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --requirement scripts/development/peers.txt
	$(BIN)/python -m captwin.scripts.development.bench

## the pictures of the documents
figures: $(READY)
	$(BIN)/python -m captwin.scripts.development.figures

clean:
	rm -rf .venv build runs

$(READY): pyproject.toml constraints.txt scripts/development/pdks.txt
	@for tool in $(PYTHON) g++ perl; do \
	  command -v $$tool >/dev/null || { echo "captwin needs $$tool; on Debian: apt-get install python3 python3-venv g++ make perl" >&2; exit 1; }; \
	done
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "captwin needs Python 3.11 or later; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "captwin needs Python's venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement scripts/development/pdks.txt
	$(BIN)/python -m captwin.scripts.development.compile_tools
	@touch $@

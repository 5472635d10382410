# Everything a newcomer needs: Python >= 3.11 and make.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup up test check bench soak format lock docs clean

help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## install all that is needed into .venv, build the page bundle
	@$(BIN)/python hatch_build.py

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Groundswell needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 up"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@grep '^uv==' -A 40 requirements.lock | sed '/^[a-z]/{/^uv==/!Q}' > $(VENV)/uv.txt
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --require-hashes -r $(VENV)/uv.txt
	@$(BIN)/uv --quiet pip sync --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/python -c "import pathlib, sysconfig; \
		pathlib.Path(sysconfig.get_path('purelib'), 'groundswell.pth').write_text(str(pathlib.Path('src').resolve()))"
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m groundswell "$$@"\n' > $(BIN)/groundswell && chmod +x $(BIN)/groundswell
	@touch $@

up: setup  ## run Groundswell with embedded engines (ARGS="--port 9000")
	@exec $(BIN)/groundswell up $(ARGS)

test: setup  ## run every test against real engines
	@$(BIN)/python tests/install_browser.py
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: setup  ## format, lint, types, import contracts, lock file, generated docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tests/check_lock.py
	@$(BIN)/python -m groundswell.app.reference --check docs

bench: setup  ## measure against references in the same run, print one table
	@$(BIN)/python -m benchmarks $(ARGS)

soak: setup  ## ten minutes of load while every process is killed in turn (SECONDS=60)
	@$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),600)

format: setup  ## write the format
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

lock: setup  ## resolve again after a change of pyproject.toml
	@$(BIN)/uv --quiet lock && $(BIN)/uv export --quiet --no-header --no-emit-project > requirements.lock

docs: setup  ## write the generated pages
	@$(BIN)/python -m groundswell.app.reference docs

clean:  ## remove what was built, not the data
	@rm -rf $(VENV) node_modules src/groundswell/ui/static dist

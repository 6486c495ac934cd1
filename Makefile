# Two commands for readers: `make bench` and `make test`. Each sets up .venv by itself, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Hundreds of processes import the same modules: without their byte code each would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bench soak browser test test-slow lint lock clean help

bench: $(VENV)/.run-ready  ## measure cookies against tokens: 90 seconds, ends with a summary and charts
	$(BIN)/python bench.py run quick

soak: $(VENV)/.run-ready  ## twenty minutes of the reference servers: fails on an error, or if any process keeps growing
	$(BIN)/python bench.py run soak

# Debian's where this is root there, since no download is needed that apt does not know; elsewhere Playwright's own.
browser: $(VENV)/.run-ready  ## find a Chromium for the browser lab and the tests of pages, or install one
	@$(BIN)/python -m browserlab --browser 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	  then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; \
	  else $(BIN)/python -m playwright install chromium; fi >&2; \
	  $(BIN)/python -m browserlab --browser; }

# Tests read and write UTF-8, in any locale.
test test-slow: export PYTHONUTF8 := 1

test: $(VENV)/.dev-ready  ## all tests that take seconds, with real servers, store and Locust, several at a time
	$(BIN)/python -m pytest -m "not slow" -n logical --maxprocesses 4 --dist loadfile

# Those that measure have the machine to themselves, one after the other.
test-slow: $(VENV)/.dev-ready  ## tests that take minutes: several at a time, then those that need the machine alone
	$(BIN)/python -m pytest -m "slow and not alone" -n logical --maxprocesses 4 --dist worksteal --durations=30
	$(BIN)/python -m pytest -m "slow and alone" --durations=30

lint: $(VENV)/.dev-ready  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(VENV)/.dev-ready  ## resolve the lock files again after a change of pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

clean:  ## remove the virtual environment and caches (results stay)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache dist

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is %s. Name another with: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run-ready: requirements.lock $(VENV)/.created
	@echo "installing what requirements.lock names (once)"
	@.ci/install $(VENV) requirements.lock
	@touch $@

$(VENV)/.dev-ready: requirements-dev.lock $(VENV)/.created
	@echo "installing what requirements-dev.lock names (once)"
	@.ci/install $(VENV) requirements-dev.lock
	@touch $(VENV)/.run-ready $@

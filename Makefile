# Partita's few verbs. Each sets up what it needs first: `make demo` works on a fresh clone.

PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
# More than there are cores: tests wait for processes, for SWF's whole seconds and for disks.
PROCESSES ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 3)))

.PHONY: demo test test-fast suite check fix bench bench-peers bench-step soak docs clean

demo: $(VENV)/installed
	@$(BIN)/partita demo

# At the same time: the checks fill what the suite leaves of the cores while it waits.
test: $(VENV)/developed
	@$(MAKE) --no-print-directory --jobs 2 check suite

suite: $(VENV)/developed
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist worksteal $(PYTEST_ARGS)

test-fast: $(VENV)/developed
	$(BIN)/pytest --fast --numprocesses $(PROCESSES) --dist worksteal $(PYTEST_ARGS)

check: $(VENV)/developed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	nice $(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/developed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/developed
	$(BIN)/python -m benchmarks

bench-peers: $(VENV)/developed $(VENV)-peers/installed
	$(BIN)/python -m benchmarks.peers $(VENV)-peers/bin/python

bench-step: $(VENV)/developed
	$(BIN)/python -m benchmarks.step

soak: $(VENV)/developed
	PARTITA_SOAK=1 $(BIN)/pytest tests/crash tests/faults tests/model tests/rules/test_machine.py tests/swf/test_shapes.py tests/language/test_agreement.py tests/asl/test_conformance_crashes.py tests/asl/test_fuzz.py --timeout 3600 $(PYTEST_ARGS)
	PARTITA_SOAK=1 $(BIN)/pytest tests/language tests/client tests/deciders tests/worker tests/deploy tests/openwhisk tests/compile/test_openwhisk.py --ignore tests/language/test_agreement.py --numprocesses $(PROCESSES) --dist worksteal $(PYTEST_ARGS)
	$(BIN)/python -m tests.storm --seeds 20 --seconds 10 --store both
	# With all activities on the engine's thread that may run there, and with none:
	for limit in inf 0; do PARTITA_SHORT_ACTIVITY=$$limit $(BIN)/pytest tests/crash tests/faults tests/model --timeout 3600 $(PYTEST_ARGS) \
		&& PARTITA_SHORT_ACTIVITY=$$limit $(BIN)/python -m tests.storm --seeds 5 --seconds 10 --store both || exit 1; done

docs: $(VENV)/developed $(VENV)-docs/installed
	$(BIN)/python -m tests.site .site-pages
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet --strict
	$(BIN)/python -m tests.site --check site
	@echo "the pages and the API reference are in site/index.html"
	$(BIN)/pytest tests/examples tests/swf/test_page.py tests/swf_backend/test_page.py --numprocesses $(PROCESSES) $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) $(VENV)-peers $(VENV)-docs site .site-pages .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Partita needs Python 3.11 or newer with venv and pip (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# pip learned --group only in 25.1, so the group is read by hand.
$(VENV)/developed: $(VENV)/installed
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > $(VENV)/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(VENV)/dev.txt
	@touch $@

$(VENV)-peers/installed: benchmarks/peers/requirements.txt
	@test -n "$(PYTHON)" || { echo "Partita needs Python 3.11 or newer with venv and pip (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)-peers
	@$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(VENV)-docs/installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Partita needs Python 3.11 or newer with venv and pip (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)-docs
	@$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["docs"], sep="\n")' > $(VENV)-docs/docs.txt
	@$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(VENV)-docs/docs.txt
	@touch $@

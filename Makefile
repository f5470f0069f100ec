# `make demo` and `make test` do all the set-up there is, Debian's packages included; a second call installs nothing.
export PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test programs clean lock
.NOTPARALLEL:

demo: .venv/demo
	$(BIN)/iotposture demo

test: programs .venv/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

programs:
	@sh requirements/debian.sh chromium postgresql

# pip comes last: a .venv without it is one that was not finished.
.venv/bin/pip:
	@sh requirements/debian.sh python3-venv
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11, 3.12 or 3.13 is needed" if not (3, 11) <= sys.version_info < (3, 14) else 0)'
	$(PYTHON) -m venv .venv

# --no-deps: the lock is complete, and every file in it has its hash.
.venv/demo: requirements/demo.txt pyproject.toml | .venv/bin/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/demo.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test: requirements/test.txt pyproject.toml | .venv/bin/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ .venv/demo

# Writes requirements/*.txt anew from pyproject.toml; needs uv.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --no-strip-extras --no-header --no-annotate \
		--generate-hashes --extra aws --extra azure --extra gcp --extra lab --group build -o requirements/demo.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --no-strip-extras --no-header --no-annotate \
		--generate-hashes --extra aws --extra azure --extra gcp --extra lab --extra postgres --group build --group dev \
		-c requirements/demo.txt -o requirements/test.txt

clean:
	rm -rf .venv

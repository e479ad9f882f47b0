PYTHON ?= python3
VENV ?= .venv
# a process that may not keep what it compiles compiles all its libraries, for ten seconds; there are dozens of them
unexport PYTHONDONTWRITEBYTECODE

run: $(VENV)/installed             ## install, and run the day of the paper
	$(VENV)/bin/cosim run configs/paper.toml

test: $(VENV)/installed            ## run the tests
	$(VENV)/bin/python -m pytest -n auto --dist loadscope -q -rs

check: $(VENV)/installed           ## style, types and the direction of imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

wheel:                             ## build the wheel, install it in an environment of its own, and run it there
	.ci/wheel $(PYTHON)

mutants: $(VENV)/installed         ## FILE=cosim/road/choice.py: break it in small ways; do its own tests notice?
	PYTEST_ADDOPTS=tests/$(dir $(FILE))test_$(notdir $(FILE)) $(VENV)/bin/mutmut run '$(subst /,.,$(basename $(FILE))).*'

docs: $(VENV)/installed            ## the documentation as a site: docs/_build/html
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(VENV)/bin/python -m sphinx -q -W -b html docs docs/_build/html

$(VENV)/installed: pyproject.toml
	@echo 'installing into $(VENV): one to three minutes the first time'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	touch $@

.PHONY: run test check wheel mutants docs

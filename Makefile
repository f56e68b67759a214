# From a bare machine with python3 (>= 3.11) and make to a result on real data: `make run`.

PYTHON    ?= python3
VENV      ?= .venv
BIN       := $(VENV)/bin
BENCHMARK ?= $(wildcard benchmarks/[a-z]*.py)
WORKERS   ?= 2

.PHONY: run test slow golden lint docs benchmark clean
.DELETE_ON_ERROR:

run: $(VENV)/installed  ## train on the four hospitals that ship with the package
	@$(BIN)/accord run hospitals

test: lint  ## style, types and all tests but the slow ones; pytest's own closing line comes last
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup -m "not slow"

slow: $(VENV)/installed-test  ## the tests that take longer: processes that are killed, whole studies, pages that are executed
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup -m slow

golden: $(VENV)/installed-test  ## before and after a change that must change no number: the same bits from every method and runtime
	@$(BIN)/python -m tests.golden.golden

lint: $(VENV)/installed-test  ## style, types, and who may import whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports

docs: $(VENV)/installed-docs  ## static pages in site/; fails on an undocumented public name
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@$(BIN)/python docs/check_public_names.py site/objects.inv
	@echo "The pages are in site/index.html"

benchmark: $(VENV)/installed  ## apart from the tests; results carry machine, versions and seed
	@for program in $(BENCHMARK); do $(BIN)/python $$program || exit 1; done

clean:  ## the environment, and all that is built
	rm -rf $(VENV) build dist site .pytest_cache .golden_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests docs examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp file for each extra: nothing is installed again until pyproject.toml changes.
# The package itself is editable, so that a change of code needs no installation.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit( \
	  f"Accord needs Python 3.11 or newer, but {sys.executable} is {sys.version.split()[0]}. Use make PYTHON=/path/to/python3")'
	@echo "Creating the environment $(VENV), once"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: pyproject.toml | $(VENV)/created
	@echo "Installing Accord into $(VENV), once (a minute or so)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-%: pyproject.toml | $(VENV)/created
	@echo "Installing Accord with all that '$*' needs into $(VENV), once (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@ $(VENV)/installed

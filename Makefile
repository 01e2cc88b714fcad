# `make demo`: set up, train a real config, evaluate it. `make test`: set up, run the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .make
PIP := -m pip install -q --disable-pip-version-check
# What the lock names, in wheels that have the hashes it names; nnctl itself with nothing beside it.
LOCKED := $(PIP) --require-hashes --only-binary :all: -r
ITSELF := $(PIP) --no-deps --no-build-isolation --no-index -e .
# What test-latest and test-lowest run: make test-lowest TESTS=tests/spec
TESTS ?=

.PHONY: demo test test-slow test-arm mutated test-latest test-lowest mutants mutants-sample parity same-result fuzz site test-browser test-mlflow lock lint docs bench faults clean

$(STAMPS)/installed: pyproject.toml requirements/run.txt
	@sh requirements/preflight $(PYTHON)
	@mkdir -p $(STAMPS)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing nnctl into $(VENV)"
	@$(BIN)/python $(LOCKED) requirements/run.txt
	@$(BIN)/python $(ITSELF)
	@touch $@

$(STAMPS)/dev: $(STAMPS)/installed requirements/dev.txt
	@echo "installing what the tests need"
	@$(BIN)/python $(LOCKED) requirements/dev.txt
	@touch $@

# The newest versions that pyproject.toml allows, as they are today.
$(STAMPS)/latest/installed: pyproject.toml
	@sh requirements/preflight $(PYTHON)
	@$(PYTHON) -m venv --clear $(STAMPS)/latest
	@echo "installing the newest versions into $(STAMPS)/latest"
	@$(STAMPS)/latest/bin/python $(PIP) --upgrade "pip>=25.1"
	@$(STAMPS)/latest/bin/python $(PIP) --only-binary :all: --group build --group test --group keras
	@$(STAMPS)/latest/bin/python $(PIP) --no-build-isolation -e ".[tensorboard,report,parquet,images,sql,sweep]"
	@touch $@

# The lowest versions that pyproject.toml allows.
$(STAMPS)/lowest/installed: pyproject.toml requirements/lowest.txt
	@sh requirements/preflight $(PYTHON)
	@$(PYTHON) -m venv --clear $(STAMPS)/lowest
	@echo "installing the lowest versions into $(STAMPS)/lowest"
	@$(STAMPS)/lowest/bin/python $(LOCKED) requirements/lowest.txt
	@$(STAMPS)/lowest/bin/python $(ITSELF)
	@touch $@

demo: $(STAMPS)/installed
	@$(BIN)/nnctl train configs/digits_cnn.yaml
	@$(BIN)/nnctl eval digits-cnn

test: $(STAMPS)/dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(STAMPS)/dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# Every config on an emulated 64-bit ARM: the same hashes (an hour the first time; CONFIGS="iris.yaml ..." for some).
CONFIGS ?=
test-arm: $(STAMPS)/dev
	$(BIN)/python -m tests.arm $(CONFIGS)

# Model files, manifests, metrics, NPZ and HDF5 with something changed: each by a command, its time and memory measured.
# Then `import` and `inspect` of hostile files of other tools, of 2,000 changed ones, and of files cut off at each percent.
mutated: $(STAMPS)/dev
	$(BIN)/python -m tests.mutated --count 2000
	$(BIN)/python -m tests.hostile --count 2000 --cut 1

test-latest: $(STAMPS)/latest/installed
	$(STAMPS)/latest/bin/python -m pytest -n 2 --dist worksteal $(TESTS)

test-lowest: $(STAMPS)/lowest/installed
	$(STAMPS)/lowest/bin/python -m pytest -n 2 --dist worksteal $(TESTS)

# Each class beside Keras's with so many draws of its arguments, and so many random models.
COUNT ?= 10
parity: $(STAMPS)/dev
	$(BIN)/python -m tests.parity --count $(COUNT)

# Six models on real data trained in nnctl and in Keras: are losses and test metrics the same?
same-result: $(STAMPS)/dev
	$(BIN)/python -m tests.parity.same_result

fuzz: $(STAMPS)/dev
	$(BIN)/python -m tests.workflow.random_keras --count $(COUNT)

# Of each package so many mutants, drawn by the commit's hash (docs/mutants.md).
SAMPLE ?= 10
mutants: $(STAMPS)/mutants-installed
	$(BIN)/python -m tests.mutants --sample $(SAMPLE) --record --share 0.95

# A few of the lines that changed lately, for .ci/run: a share says nothing of one or two, so eight at the least.
# Packages whose tests are watched in a minute or two; those of layers alone take ten.
QUICK = runner callbacks data spec schedules initializers regularizers constraints graph runs
mutants-sample: $(STAMPS)/mutants-installed
	$(BIN)/python -m tests.mutants --since $(SINCE) --sample $(SAMPLE) --seconds 120 --least 8 --share 0.4 $(QUICK:%=--package %)

# The documentation as a site in build/site; a link that leads nowhere is an error.
SPHINX = -m sphinx -q -W --keep-going -d $(STAMPS)/doctrees -c docs/site
site: $(STAMPS)/site
	$(BIN)/python $(SPHINX) . build/site
	@echo "build/site/index.html"

# What is looked at in Chromium, which is the system's: apt install chromium-driver.
test-browser: $(STAMPS)/site
	@sh tests/browser/preflight
	$(BIN)/python -m pytest -m browser $(TESTS)

$(STAMPS)/site: $(STAMPS)/dev requirements/site.txt
	@echo "installing what the site and its tests need"
	@$(BIN)/python $(LOCKED) requirements/site.txt
	@touch $@

# Runs logged to a real tracking server on this machine, in an environment of its own: the server brings much.
test-mlflow: $(STAMPS)/mlflow/installed
	$(STAMPS)/mlflow/bin/python -m pytest -m slow tests/callbacks/test_mlflow_server.py

$(STAMPS)/mlflow/installed: pyproject.toml requirements/mlflow.txt
	@sh requirements/preflight $(PYTHON)
	@$(PYTHON) -m venv --clear $(STAMPS)/mlflow
	@echo "installing nnctl with MLflow and its server into $(STAMPS)/mlflow"
	@$(STAMPS)/mlflow/bin/python $(LOCKED) requirements/mlflow.txt
	@$(STAMPS)/mlflow/bin/python $(ITSELF)
	@touch $@

# yattag has no wheel: it is built with the setuptools of the lock.
$(STAMPS)/mutants-installed: $(STAMPS)/dev requirements/mutants.txt
	@echo "installing what mutants need"
	@$(BIN)/python $(LOCKED) requirements/mutants.txt --no-binary yattag --no-build-isolation
	@touch $@

lock:
	requirements/lock

lint: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMPS)/installed
	$(BIN)/python benchmarks/run.py

docs: $(STAMPS)/installed
	$(BIN)/python docs/generate.py
	$(BIN)/python -m benchmarks.page

# Every system call of a training on files: killed, and answered with errors (an hour or two on two cores).
faults: $(STAMPS)/dev
	$(BIN)/python -m tests.faults.syscalls
	$(BIN)/python -m tests.faults.syscalls --together 6 --every 7

clean:
	rm -rf $(STAMPS) $(VENV) build *.egg-info

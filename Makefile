# `make demo`: set up, train a real config, evaluate it. `make test`: set up, run the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .make

.PHONY: demo test test-slow lint docs bench clean

$(STAMPS)/installed: pyproject.toml
	@mkdir -p $(STAMPS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing nnctl into $(VENV)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/installed
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --group dev --group keras -e ".[tensorboard]"
	@touch $@

demo: $(STAMPS)/installed
	@$(BIN)/nnctl train configs/digits_cnn.yaml
	@$(BIN)/nnctl eval digits-cnn

test: $(STAMPS)/dev
	$(BIN)/python -m pytest -n 2

test-slow: $(STAMPS)/dev
	$(BIN)/python -m pytest -n 2 -m slow

lint: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMPS)/installed
	$(PYTHON) benchmarks/run.py

docs: $(STAMPS)/installed
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(STAMPS) $(VENV) build *.egg-info

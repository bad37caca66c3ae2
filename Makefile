# `make run` and `make test` need Python >= 3.11 and make; everything else goes into .venv.
PYTHON ?= python3
VENV   ?= .venv
LAB     = $(VENV)/bin/lab
KILLS  ?= 100

.PHONY: run test lint docs bench fuzz faults clean

run: $(VENV)/.run
	$(LAB) run studies/quickstart.toml

test: $(VENV)/.dev
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check lab tests benchmarks
	$(VENV)/bin/ruff format --check --quiet lab tests benchmarks
	$(VENV)/bin/mypy

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --quiet --strict --site-dir build/site

bench: $(VENV)/.dev
	$(VENV)/bin/python benchmarks/throughput.py
	$(VENV)/bin/python benchmarks/loss_at_equal_seconds.py
	$(VENV)/bin/python benchmarks/fitting.py
	$(VENV)/bin/python benchmarks/scale.py

fuzz: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python tests/hostile/fuzz.py 5000

faults: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 -m long
	OMP_NUM_THREADS=1 $(VENV)/bin/python tests/faults/kills.py --kills $(KILLS)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

$(VENV)/.docs: $(VENV)/.run
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV)

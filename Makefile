# Three commands do everything, set-up included: make demo, make test, make docs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SITE_READY := $(VENV)/.site-ready
PIP_ITSELF := pip==26.3
TORCH := torch==2.13.0

# Each of the suite's hundreds of processes would compile what it imports again, ten seconds of PyTorch among it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test docs lint format clean

demo: $(READY)
	$(BIN)/loopholes demo

# Tests write and delete 40,000 small files: in memory, where there is some and programs may run from it.
IN_MEMORY = $(shell $(PYTHON) -c 'import os; s = os.statvfs("/dev/shm"); \
	s.f_bavail * s.f_frsize > 4e9 and not s.f_flag & os.ST_NOEXEC and print("TMPDIR=/dev/shm")' 2>/dev/null)

# Three processes on the two cores that the suite is measured on, since tests also wait; their own have a thread each.
test: lint
	$(IN_MEMORY) OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -rs

# The website of the documentation, into site/; fails on a link that leads nowhere.
docs: $(SITE_READY)
	$(BIN)/python docs/make_site.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The pip that comes with a Python may be one that takes three times as long to resolve all this.
# PyTorch comes first and alone: a looser pin pulls gigabytes that a machine without a GPU has no use for. Compiling all
# 18,000 files would take about 40 seconds, and only a fifth of them are ever imported: those are compiled then, but
# PyTorch's while pip fetches the rest, or else each of the suite's processes would begin with it.
PIP = $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt
$(READY): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) $(PIP_ITSELF)
	$(PIP) $(TORCH)
	$(PIP) -e '.[train,peft,gguf,endpoints,dev]' & \
		$(BIN)/python -c 'import torch._dynamo, torch.distributed.tensor' 2>/dev/null; wait $$!
	touch $(READY)

$(SITE_READY): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[docs]'
	touch $(SITE_READY)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist site .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

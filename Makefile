# Assay's commands. `make` alone lists them. Each sets up what it needs first, and may be interrupted and run again.

PORT ?= 8000
MINUTES ?= 3
RUNS ?= 20000
SECONDS ?= 20
PYTHON := .venv/bin/python
CODE := sdk/assay wire native consensus inference provenance verification training node marketplace stack demo
PROJECT := --no-emit-package assay pyproject.toml sdk/pyproject.toml
LOCK := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links $(UPGRADE)
# else onnxruntime reports what it runs to its maker
export ORT_DISABLE_TELEMETRY := 1
BANDIT := $(PYTHON) -m bandit --quiet --recursive --configfile pyproject.toml $(CODE)
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup up test test-neon check format lock guides conformance fuzz fuzz-operators chaos chaos-members kills-money simulate compare-operators bench-agreement bench-money bench-refereed bench-shop audit clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: ## install everything into this folder (idempotent; up and test do it by themselves)
	@command -v python3 >/dev/null || { echo 'make setup: Python is missing: apt-get install python3 python3-venv'; exit 1; }
	@python3 stack/bootstrap.py

up: setup ## run the marketplace on real parts; Ctrl-C stops it (PORT=9000 to change the port)
	@$(PYTHON) -m stack.up --port '$(PORT)'

test: setup ## run the tests, on a PostgreSQL, Redis, Triton and browser started for them
	@$(PYTHON) -m stack.browser
	@$(PYTHON) -m pytest -n 2 --no-loadscope-reorder --durations=15

test-neon: setup ## hold the kernels for NEON, emulated, against the plain operators (says what to install)
	@TEST_NEON=1 $(PYTHON) -m pytest -q tests/native

check: setup ## format, lint, types, layers, security, what no file may hold, the API's schema
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(BANDIT) 2>/dev/null || $(BANDIT)
	@$(PYTHON) -m pytest -q tests/docs tests/contract/test_openapi.py::test_the_committed_schema_is_the_served_one

format: setup ## put every file into its standard form
	@$(PYTHON) -m ruff format --quiet .
	@$(PYTHON) -m ruff check --quiet --fix .

lock: setup ## resolve pyproject.toml into requirements/*.txt (network; UPGRADE=--upgrade for newer versions)
	@$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(LOCK) $(PROJECT) --all-extras -o requirements/dev.txt
	@$(LOCK) $(PROJECT) --extra web -o requirements/web.txt
	@$(LOCK) $(PROJECT) -o requirements/node.txt
	@$(LOCK) --no-deps requirements/reproducible.in -o requirements/reproducible.txt
	@$(LOCK) --no-deps requirements/triton.in -o requirements/triton.txt

guides: setup ## follow the guides where they need what is not installed here: PyTorch (network; minutes, gigabytes)
	@$(PYTHON) -m tests.docs.guides

conformance: setup ## hold the verifier against docs/vectors (and DATA=folder: against public Ed25519 vectors there)
	@$(PYTHON) -m pytest -q tests/sdk/test_vectors.py tests/sdk/test_blame_vectors.py
	@[ -z '$(DATA)' ] || $(PYTHON) tests/conformance/ed25519.py 'DATA=$(DATA)'

fuzz: setup ## hand every decoder damaged documents, led by coverage (SECONDS=20 for each, ONLY=name); what breaks one is kept in var/fuzz
	@$(PYTHON) -m tests.fuzz.campaign --seconds '$(SECONDS)' --only '$(ONLY)'

fuzz-operators: setup ## hand hostile ONNX models to what takes them in and runs them (SECONDS=20 SEED=0 ONLY=Conv)
	@$(PYTHON) -m tests.fuzz.operators --seconds '$(SECONDS)' $(if $(SEED),--seed '$(SEED)') $(if $(ONLY),--only '$(ONLY)')

chaos: setup ## kill and freeze a site's services under load, then ask for the account (MINUTES=3 SEED=…)
	@$(PYTHON) -m stack.chaos --minutes '$(MINUTES)' $(if $(SEED),--seed '$(SEED)')

chaos-members: setup ## kill, freeze, part and tear members of a group of bare processes under load (MINUTES=3 SEED=… N=4 COPY_RESISTANT=1)
	@$(PYTHON) -m stack.members --minutes '$(MINUTES)' $(if $(SEED),--seed '$(SEED)') $(if $(N),--n '$(N)') $(if $(COPY_RESISTANT),--copy-resistant)

kills-money: setup ## kill (-9) a process at every line of every step of money, minutes (EVERY=10 for every tenth line)
	@$(PYTHON) -m tests.money.kills $(if $(EVERY),--every '$(EVERY)')

simulate: setup ## run groups from seeds among faults and liars, then every broken variant, minutes (RUNS=20000 SEED=…)
	@$(PYTHON) -m consensus.simulator '$(RUNS)' --variants $(if $(SEED),--seed '$(SEED)')

compare-operators: setup ## kernels against the plain operators on new inputs, every instruction set, 1 to 8 threads (ROUNDS=5 SEED=…)
	@$(PYTHON) -m tests.native.campaign $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(SEED),--seed '$(SEED)')

bench-agreement: setup ## measure groups of four against the same fan-out to their Tritons
	@$(PYTHON) -m benchmarks.agreement

bench-money: setup ## measure how many predictions are paid for in a second
	@$(PYTHON) -m benchmarks.money

bench-refereed: setup ## measure reproducible operators against onnxruntime
	@$(PYTHON) -m benchmarks.refereed

bench-shop: setup ## measure the shop through REST against its Triton alone
	@$(PYTHON) -m benchmarks.shop

audit: setup ## look the locked packages up among known vulnerabilities (needs the network)
	@for lock in dev web node triton; do $(PYTHON) -m pip_audit --strict --disable-pip --require-hashes -r requirements/$$lock.txt || exit 1; done

clean: ## remove everything made here, data included; refuses while `make up` runs
	@[ ! -e var/up.lock ] || flock --nonblock var/up.lock true || { \
		echo "make clean: the marketplace of this folder runs, as process $$(cat var/up.lock); stop it first"; exit 1; }
	rm -rf .venv .venv-triton var native/lib .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

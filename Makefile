# Every task of Leap. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 3000
DASHBOARD_PORT ?= 8501
INPUTS ?= 100000
MINUTES ?= 60
SEED ?= 1
SPARK := .venv-spark
STAMP := $(VENV)/.installed-from-lock

.DEFAULT_GOAL := help

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## create .venv from the lock file (the other tasks do it by themselves)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Leap needs Python 3.11 or newer: set PYTHON=<path of one>"; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || { echo "Python cannot create virtual environments here: install its venv module (Debian: apt-get install python3-venv)"; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@# make the history of runs: two first runs at once would both try to
	@$(BIN)/python -c 'import dagster; dagster.DagsterInstance.from_config(".").dispose()'
	@touch $(STAMP)

demo: setup ## materialise 30 days of the simulated world and show what came out
	@$(BIN)/python -m leap_assets.demo

dev: setup ## start the Dagster UI, its schedules and its backfills (HOST=, PORT=)
	@mkdir -p data/dagster && cp dagster.yaml data/dagster/
	DAGSTER_HOME="$${DAGSTER_HOME:-$(CURDIR)/data/dagster}" $(BIN)/dagster dev --host $(HOST) --port $(PORT)

dashboard: setup ## show the published marts in the browser (HOST=, DASHBOARD_PORT=8501)
	$(BIN)/python -m leap_assets.dashboard --server.address $(HOST) --server.port $(DASHBOARD_PORT)

docs: setup ## write dbt's documentation of the models, with their lineage, to data/docs/
	@$(BIN)/python -m leap_assets.dbt_docs

screenshots: setup ## take the pictures of the README anew, of the world that `make demo` built (needs Chromium)
	$(BIN)/python -m leap_assets_tests.dashboard.screenshots

rebuild: setup ## build the warehouse anew from landing/ (after an upgrade or a changed rule)
	@$(BIN)/python -m leap_assets.rebuild

verify: setup ## compute every table again from landing/ and compare with the published file (DAYS=2025-01-01...2025-01-31)
	@$(BIN)/python -m leap_assets.verify --days "$(DAYS)"

erase: setup ## take a player out of landing/, warehouse and published file (PLAYER=<id>)
	@$(BIN)/python -m leap_assets.erase --player "$(PLAYER)"

check-source: setup ## try a mapped source on its files, of many a sample (SOURCE=, DELIVERED=, ALL=1)
	@$(BIN)/python -m leap_assets.sources.check $(SOURCE) $(if $(DELIVERED),"$(DELIVERED)") $(if $(ALL),--all)

# where Java is, the smoke of Spark has its server, too
test: setup $(if $(shell command -v java),$(SPARK)/.installed-from-lock) ## run the tests: the fast ones and one slow smoke per area, two at a time
	@# a file's tests stay together: they share worlds that take a minute to build
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow or smoke"

test-all: setup ## run all tests, the slow ones too
	$(BIN)/python -m pytest

spark-demo: setup $(SPARK)/.installed-from-lock ## a week of the simulated world on a Spark cluster on this machine (needs Java 17 or 21)
	@$(BIN)/python -m leap_assets.spark.demo

test-spark: setup $(SPARK)/.installed-from-lock ## run everything on a Spark cluster on this machine, too, and compare (needs Java 17 or 21)
	$(BIN)/python -m pytest leap_assets_tests/spark leap_assets_tests/dbt_project/test_spark.py

$(SPARK)/.installed-from-lock: requirements-spark.lock
	@rm -rf $(SPARK) && $(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-spark.lock
	@touch $@

chaos: setup ## play random histories of accidents for an hour and compare each with a fresh build (MINUTES=60)
	$(BIN)/python -W ignore -m leap_assets_tests.chaos --minutes $(MINUTES)

hostile: setup ## try hostile worlds for an hour, each with the second opinion and in several orders of days (MINUTES=60, SEED=1)
	@$(BIN)/python -W ignore -m leap_assets_tests.hostile --minutes $(MINUTES) --seed $(SEED)

mutants: setup ## try small wrong changes and see what notices them (ARGS="--sample 10")
	@$(BIN)/python -m leap_assets_tests.mutants $(ARGS)

bench: setup ## run all benchmarks; tables and plots are in data/bench/ (ARGS="--only storage dashboard")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	@$(BIN)/python -m benchmarks $(ARGS)

lint: setup ## check style, types and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd dbt_project && ../$(BIN)/sqlfluff lint --disable-progress-bar models tests

format: setup ## rewrite Python and SQL in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd dbt_project && ../$(BIN)/sqlfluff fix --disable-progress-bar models tests

fuzz: setup ## try INPUTS=100000 bad deliveries, settings and mapped sources (SEED=1)
	$(BIN)/python -m leap_assets_tests.fuzz --inputs $(INPUTS) --seed $(SEED)

audit: setup ## compare the lock file with the database of known faults (needs the network)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14"
	$(BIN)/uv tool run --from "pip-audit==2.10.1" pip-audit --strict --requirement requirements.lock --require-hashes --disable-pip

lock: setup ## write requirements.lock and requirements-spark.lock anew from pyproject.toml
	$(BIN)/python -m pip install --quiet "uv>=0.13,<0.14"
	$(BIN)/uv pip compile pyproject.toml --group dev --extra dashboard --extra spark --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock" --constraint constraints.txt --output-file requirements.lock
	$(BIN)/uv pip compile --group spark-server --constraint requirements.lock --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock" --output-file requirements-spark.lock

clean: ## remove .venv, .venv-spark and caches; data/ stays
	rm -rf $(VENV) $(SPARK) .pytest_cache .ruff_cache .mypy_cache .hypothesis dbt_project/target dbt_project/logs *.egg-info build

.PHONY: help setup demo spark-demo dev dashboard docs screenshots rebuild verify erase check-source test test-all test-spark chaos fuzz hostile mutants bench lint format audit lock clean

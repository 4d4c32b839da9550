# Every target builds what it needs from a bare machine with python3 (3.11 or newer) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export STAT3_DATA

.DEFAULT_GOAL := help
.PHONY: help env dev demo atlas test test-faults test-real validate-scoring validate-single-cell validate-bulk lint run unlock verify lock readme clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

env: $(VENV)/.installed  ## Build .venv from requirements.lock (done once)

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and f"python3 is {v[0]}.{v[1]}; 3.11 or newer is needed: call make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	@touch $@

# uv installs the lock because pip rejects it: marsilea asks for the extra pandas[parquet], which pip wants pinned as well.
$(VENV)/.installed: requirements.lock | $(VENV)/.uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

dev: $(VENV)/.installed-dev  ## The same with the test tools

demo: env  ## Run both demo cohorts to their reports
	$(SNAKEMAKE)
	$(SNAKEMAKE) --configfile config/cohorts/demo_bulk/config.yaml
	@echo "Open results/demo/report/report.html and results/demo_bulk/report/report.html"

atlas: env  ## Compare finished cohorts (config/atlas.yaml, or ATLAS=<its yaml>); the demo's are run first
	$(if $(ATLAS),,$(SNAKEMAKE) && $(SNAKEMAKE) --configfile config/cohorts/demo_bulk/config.yaml && $(foreach part,early late,$(SNAKEMAKE) --configfile config/cohorts/demo_$(part)/config.yaml &&)) \
		$(SNAKEMAKE) --snakefile workflow/atlas.smk --configfile $(or $(ATLAS),config/atlas.yaml)

run: env  ## Run a cohort: make run CONFIG=<its config.yaml> [DATA=<folder of its files>]
	$(SNAKEMAKE) --configfile $(or $(CONFIG),$(error say which: make run CONFIG=config/cohorts/<name>/config.yaml)) \
		$(if $(DATA),--config data_dir=$(DATA))

unlock: env  ## Remove the lock that a killed run left: make unlock CONFIG=<its config.yaml>
	$(SNAKEMAKE) --unlock $(if $(CONFIG),--configfile $(CONFIG))

verify: env  ## Compare results and inputs with what the run recorded: make verify RESULTS=results/<cohort>
	@PYTHONPATH=workflow/scripts $(BIN)/python -m stat3act.verify "$(or $(RESULTS),$(error say which: make verify RESULTS=results/<cohort>))"

test: dev  ## Run the unit and workflow tests
	$(BIN)/python -m pytest

test-faults: dev  ## Kill runs, fill disks, cut files; writes results/faults.tsv and docs/faults.md (KILLS=20 of each kind)
	FAULTS_TABLE=results/faults.tsv $(BIN)/python -m pytest tests/faults --kills $(or $(KILLS),20)

test-real: dev  ## Run the tests on real data: make test-real STAT3_DATA=<folder>
	$(BIN)/python -m pytest tests/real

validate-scoring: dev  ## Measure the STAT3 score on public data: make validate-scoring STAT3_DATA=<folder>
	$(BIN)/python benchmarks/validate_scoring.py --data "$(or $(STAT3_DATA),$(error say where the data are: make validate-scoring STAT3_DATA=<folder>))"

validate-single-cell: dev  ## Measure lineages and malignant calls on public data: make validate-single-cell STAT3_DATA=<folder>
	$(BIN)/python benchmarks/validate_single_cell.py --data "$(or $(STAT3_DATA),$(error say where the data are: make validate-single-cell STAT3_DATA=<folder>))"

validate-bulk: dev  ## Measure the bulk split on public data: make validate-bulk STAT3_DATA=<folder>
	$(BIN)/python benchmarks/validate_bulk.py --data "$(or $(STAT3_DATA),$(error say where the data are: make validate-bulk STAT3_DATA=<folder>))"

lint: dev  ## ruff, snakefmt, snakemake --lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

lock: dev  ## Resolve both locks and the conda environment again
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(BIN)/python docs/make_environment.py

readme: env  ## Write config/README.md and docs/tables.md from the schemas and the column descriptions
	$(BIN)/python docs/make_config_readme.py
	$(BIN)/python docs/make_tables_page.py

clean:  ## Remove the environment; results stay
	rm -rf $(VENV)

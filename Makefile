# Every target builds what it needs from a bare machine with python3 (3.11 or newer) and make.

PYTHON ?= python3
VENV := .venv
OLDEST := .venv-oldest
BIN := $(VENV)/bin
CORES ?= 2
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
CHECK := PYTHONPATH=workflow/scripts $(BIN)/python -m stat3act.check
export PATH := $(CURDIR)/$(BIN):$(PATH)
export STAT3_DATA

.DEFAULT_GOAL := help
.PHONY: help env dev demo atlas test test-faults test-oldest golden audit sbom test-deployment test-settings test-real test-slurm validate-scoring validate-single-cell validate-bulk lint check run unlock verify lock readme clean

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

check: env  ## Check the inputs of a cohort and run nothing: make check CONFIG=<its config.yaml> [DATA=<folder of its files>]
	@$(CHECK) $(or $(CONFIG),$(error say which: make check CONFIG=config/cohorts/<name>/config.yaml)) $(if $(DATA),--data "$(DATA)")

run: env  ## Run a cohort: make run CONFIG=<its config.yaml> [DATA=<folder of its files>]
	$(if $(CONFIG),@$(CHECK) --only-config $(CONFIG))
	$(SNAKEMAKE) --configfile $(or $(CONFIG),$(error say which: make run CONFIG=config/cohorts/<name>/config.yaml)) \
		$(if $(DATA),--config data_dir=$(DATA))

unlock: env  ## Remove the lock that a killed run left: make unlock CONFIG=<its config.yaml>
	$(SNAKEMAKE) --unlock $(if $(CONFIG),--configfile $(CONFIG))

verify: env  ## Compare results and inputs with what the run recorded: make verify RESULTS=results/<cohort>
	@PYTHONPATH=workflow/scripts $(BIN)/python -m stat3act.verify "$(or $(RESULTS),$(error say which: make verify RESULTS=results/<cohort>))"

# Two processes: most tests use one core, and Snakemake waits now and then.
SIDE_BY_SIDE := --numprocesses 2 --dist
# Sets have the same order in every run of the tests, and another one in those on the oldest versions.
test: dev  ## Run the unit and workflow tests
	PYTHONHASHSEED=0 $(BIN)/python -m pytest $(SIDE_BY_SIDE) worksteal

test-oldest: $(OLDEST)/.installed  ## The same on the oldest versions that pyproject.toml allows
	PYTHONHASHSEED=1 PATH="$(CURDIR)/$(OLDEST)/bin:$$PATH" $(OLDEST)/bin/python -m pytest $(SIDE_BY_SIDE) worksteal $(TESTS)

$(OLDEST)/.installed: requirements-oldest.lock | $(VENV)/.uv
	$(PYTHON) -m venv $(OLDEST)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(OLDEST)/bin/python --require-hashes requirements-oldest.lock
	@touch $@

golden: env  ## Write tests/golden from the finished demo, after a change that means to change results
	$(BIN)/python tests/golden/make_golden.py results

sbom: dev  ## Write sbom.json (CycloneDX): every package of requirements.lock with its hashes
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json

audit: dev  ## Ask PyPI for known vulnerabilities of both locks (needs its JSON API)
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-oldest.lock

test-settings: dev  ## Change every setting of the config and look at what would run again
	$(BIN)/python -m pytest tests/settings

test-deployment: dev  ## Run the tests of use from another project (git and snakedeploy, no network)
	$(BIN)/python -m pytest tests/deployment

test-faults: dev  ## Kill runs, fill disks, cut files; writes results/faults.tsv and docs/faults.md (KILLS=20 of each kind)
	FAULTS_TABLE=results/faults.tsv $(BIN)/python -m pytest tests/faults --kills $(or $(KILLS),20)

# The tests of a file stay together: a cohort that several of them look at runs once.
test-real: dev  ## Run the tests on real data: make test-real STAT3_DATA=<folder>
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) loadfile tests/real $(TESTS)

test-slurm: dev  ## Run the single-cell demo on SLURM: the one that runs here, or one that is started for the tests
	$(BIN)/python -m pytest tests/slurm -s

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
	$(BIN)/snakemake --lint --snakefile workflow/Snakefile

lock: dev  ## Resolve the locks and the conda environment again
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate --group dev --group deployment -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --resolution lowest-direct --generate-hashes --no-header --no-annotate --group dev pyproject.toml -o requirements-oldest.lock
	$(BIN)/python docs/make_environment.py

readme: env  ## Write config/README.md and docs/tables.md from the schemas and the column descriptions
	$(BIN)/python docs/make_config_readme.py
	$(BIN)/python docs/make_tables_page.py

clean:  ## Remove the environments; results stay
	rm -rf $(VENV) $(OLDEST)

# Two commands for newcomers: `make demo` and `make test`. Both install what they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DIGITS := examples/digits/pipeline.yaml
HUMAN := examples/human_ratings/pipeline.yaml
VISITS := examples/doctor_visits/pipeline.yaml
LANGUAGE := examples/language_model/pipeline.yaml
TRANSLATION := examples/translation/pipeline.yaml

BROWSER := tests/dashboard/test_dashboard_browser.py
PARALLEL := -n 2 --ignore=tests/calibration --ignore=tests/benchmarks \
	--ignore=$(BROWSER)

.DEFAULT_GOAL := help
.PHONY: help install demo demo-regression demo-language demo-translation season demo-human test test-exhaustive test-more zk-tools zk-interop transformers ui-tests calibrate calibrate-quick bench bench-quick faults postgres lint contracts-tools contracts vectors gas slither halmos mutants lock clean

help: ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

install: $(STAMP) ## Install the locked environment into .venv

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python \
		--require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
		--editable .
	@touch $@

# The first run registers the baseline, the second tests the contributions against it and pays,
# the third finds nothing new. One process, so that Prefect's temporary server starts once.
demo: $(STAMP) examples/digits/data ## Train, compare, decide, promote, attest and pay, on handwritten digits
	$(BIN)/hokusai run $(DIGITS) $(DIGITS) $(DIGITS)

demo-language: $(STAMP) examples/language_model/data ## The same for a language model, on prose about statistics
	$(BIN)/hokusai run $(LANGUAGE) $(LANGUAGE)

demo-translation: $(STAMP) examples/translation/data ## The same for generated text, on messages of programs
	$(BIN)/hokusai run $(TRANSLATION) $(TRANSLATION)

# People are needed in between; here they are simulated, and say so.
demo-human: $(STAMP) examples/human_ratings/data ## The same for a model that people judge, with simulated raters
	$(BIN)/hokusai run $(HUMAN) $(HUMAN)
	$(BIN)/python examples/human_ratings/simulated_raters.py
	$(BIN)/hokusai run $(HUMAN) $(HUMAN)

demo-regression: $(STAMP) examples/doctor_visits/data ## The same for an error metric, on doctor visits
	$(BIN)/hokusai run $(VISITS) $(VISITS)

# Some ten minutes of two cores; DAYS=3 stops after three days. It starts anew every time.
season: $(STAMP) ## Thirty simulated days of scheduled runs, with good, useless and hostile contributors
	rm -rf .hokusai/season
	$(BIN)/python examples/season/season.py .hokusai/season $(if $(DAYS),--days $(DAYS))

examples/%/data: examples/%/make_data.py $(STAMP)
	$(BIN)/python $<
	@touch $@

test: $(STAMP) ## Run the tests
	$(BIN)/pytest $(PARALLEL) -m "not exhaustive"

test-exhaustive: $(STAMP) ## Run the tests that `make test` has only examples of: a kill at every point
	$(BIN)/pytest $(PARALLEL) -m exhaustive

test-more: $(STAMP) ## Those of them that run no flow of their own, as CI does
	$(BIN)/pytest $(PARALLEL) -m "exhaustive and not flow"

# snarkjs; where it is, `make test-exhaustive` and `make test-more` run these tests too.
zk-tools:
	cd tests/verification/zk && $(NPM_CI)

zk-interop: $(STAMP) zk-tools ## Proofs, keys and circuits between our prover and snarkjs (needs Node)
	$(BIN)/pytest -q tests/verification/zk/test_zk_interop.py

# An environment of its own, because torch is large: where it cannot be installed, this says so and
# is done.
TORCH := .venv-transformers
TORCH_PACKAGES := "torch==2.13.0" "transformers==5.23.*"
TORCH_TESTS := tests/test_causal_lm.py tests/examples/test_gpt2.py
transformers: requirements.lock pyproject.toml ## Perplexity and the whole flow with a causal model of transformers (needs torch)
	@test -d $(TORCH) || $(PYTHON) -m venv $(TORCH)
	@$(TORCH)/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	@$(TORCH)/bin/uv pip install --quiet --python $(TORCH)/bin/python --require-hashes -r requirements.lock
	@$(TORCH)/bin/uv pip install --quiet --python $(TORCH)/bin/python --no-deps --no-build-isolation \
		--editable .
	@if $(TORCH)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH_PACKAGES); then \
		$(TORCH)/bin/pytest -q -m "" $(TORCH_TESTS); \
	else echo "make transformers: skipped, because torch cannot be installed here" >&2; fi

# Simulations and timings have commands of their own: a test must not depend on how busy the machine is.
calibrate: $(STAMP) ## Measure what the gate promises, at full size, and write the report
	$(BIN)/python -m tests.calibration

calibrate-quick: $(STAMP) ## The same at the reduced size that CI runs
	$(BIN)/pytest -n 2 tests/calibration

# A store that the pipeline makes, then a real browser on it: Chromium at HOKUSAI_CHROMIUM, or where
# Debian has it. axe-core, which judges accessibility, comes from npm.
ui-tests: $(STAMP) ## Look at every page of the dashboard in a real browser (needs Chromium and Node)
	cd tests/dashboard && $(NPM_CI)
	$(BIN)/pytest $(BROWSER)

bench: $(STAMP) ## Time the comparisons side by side with their peers
	$(BIN)/pytest tests/benchmarks --benchmark-only

bench-quick: $(STAMP) ## The same without those that take minutes
	$(BIN)/pytest tests/benchmarks --benchmark-only -m "not large"

# 1 000 settlements take about a quarter of an hour on one core; FAULTS="--anvil BINARY" plays on anvil.
faults: $(STAMP) ## Settle 1 000 payments while everything goes wrong, and tell what came of it
	cd tests/chain && $(abspath $(BIN))/python campaign.py $(FAULTS)

postgres: $(STAMP) ## Run the tests of ledger and settling on a PostgreSQL server of their own
	.ci/with-postgresql $(BIN)/pytest tests/ledger tests/chain -k postgresql

lint: $(STAMP) ## Format check, lint, types, layers, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos

# Node's packages of the contracts and of their tests; the tests run on the committed bytecode.
FORGE := tests/contracts/node_modules/.bin/forge
SLITHER := tests/contracts/.slither
HALMOS := tests/contracts/.halmos
VECTORS := tests/contracts/.forge/vectors.json
# Of forge, whose root is this folder.
export FOUNDRY_CONFIG := tests/contracts/foundry.toml
NPM_CI := npm ci --silent --no-audit --no-fund --ignore-scripts

contracts-tools:
	cd hokusai_mlflow/contracts && $(NPM_CI)
	cd tests/contracts && $(NPM_CI)

# What deltaone.py says, for the contract to say the same; always made anew.
vectors: $(STAMP)
	$(BIN)/python tests/contracts/vectors.py $(VECTORS)

contracts: contracts-tools vectors ## Recompile the contracts and compare the bytecode; forge tests, fuzz, invariants, gas (needs Node)
	cd hokusai_mlflow/contracts && node compile.mjs --check
	$(FORGE) fmt --check hokusai_mlflow/contracts/*.sol tests/contracts/support tests/contracts/test
	$(FORGE) test

gas: contracts-tools ## Measure anew what transactions cost, for the committed snapshot
	FORGE_SNAPSHOT_CHECK=false FORGE_SNAPSHOT_EMIT=true $(FORGE) test --match-contract GasTest

# It looks for foundry.toml at the root, which ours is not: a folder that has one, and the contracts.
slither: contracts-tools $(SLITHER)/bin/slither ## Look for known weaknesses; fails on a high or medium one that is not explained
	rm -rf $(SLITHER)/build $(SLITHER)/project
	$(FORGE) build --force --build-info --build-info-path $(SLITHER)/build --out $(SLITHER)/out \
		--cache-path $(SLITHER)/cache hokusai_mlflow/contracts/DeltaOneVerifier.sol \
		hokusai_mlflow/contracts/InferenceVerifier.sol
	mkdir -p $(SLITHER)/project
	touch $(SLITHER)/project/foundry.toml
	ln -s $(abspath hokusai_mlflow) $(SLITHER)/project/hokusai_mlflow
	cd $(SLITHER)/project && env -u FOUNDRY_CONFIG PATH="$(dir $(abspath $(FORGE))):$$PATH" ../bin/slither . --foundry-ignore-compile \
		--foundry-build-info-directory ../build --filter-paths "node_modules|tests/contracts/(support|test)" \
		--exclude-low --exclude-informational --exclude-optimization >../found 2>&1 || { cat ../found; exit 1; }
	@tail -1 $(SLITHER)/found
	@! grep -q "No contract was analyzed\|(0 contracts" $(SLITHER)/found

# An environment of its own: it needs an older web3 than the package.
$(SLITHER)/bin/slither:
	$(PYTHON) -m venv $(SLITHER)
	$(SLITHER)/bin/pip install --quiet --disable-pip-version-check slither-analyzer==0.11.6

halmos: contracts-tools $(HALMOS)/bin/halmos ## Prove what a solver can about the contracts, for all values
	$(FORGE) build --quiet --ast
	PATH="$(dir $(abspath $(FORGE))):$$PATH" $(HALMOS)/bin/halmos --contract SymbolicTest \
		--forge-build-out tests/contracts/.forge/out --loop 4 --solver-timeout-assertion 120s

$(HALMOS)/bin/halmos:
	$(PYTHON) -m venv $(HALMOS)
	$(HALMOS)/bin/pip install --quiet --disable-pip-version-check halmos==0.3.3

mutants: contracts-tools vectors ## Break the contracts on purpose, and see that the tests find every break
	$(PYTHON) tests/contracts/mutants.py

# All extras but transformers, whose torch is large.
LOCKED := $(addprefix --extra ,examples dask postgres zk test browser bench dev)
lock: ## Resolve the dependencies anew
	$(BIN)/uv pip compile --quiet pyproject.toml $(LOCKED) --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock

clean: ## Remove the environment and the embedded stores
	rm -rf $(VENV) $(TORCH) .hokusai examples/*/data

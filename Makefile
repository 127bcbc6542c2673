# Every target sets up what it needs: a virtual environment, Debian packages when run as root, binaries, images.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

python := .venv/bin/python
pinned := requirements/dev.txt requirements/uv.txt requirements/page.txt requirements/page/package-lock.json
venv := .venv/.ready-$(shell cat $(pinned) pyproject.toml | sha256sum | cut -c1-12)

# `make demo KUBECONFIG=... REGISTRY=...` runs on a cluster of yours; what the shell has in these is not meant.
given = $(if $(filter command,$(origin $(1))),'--$(2)=$($(1))')
target := $(call given,KUBECONFIG,kubeconfig) $(call given,REGISTRY,registry)
# `make demo KIND=no` compiles a cluster where kind answers, too.
kind := $(if $(filter no,$(KIND)),--no-kind)

define timed
@started=$$SECONDS; $(1); echo "$@: $$((SECONDS - started)) s"
endef

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | column -t -s $$'\t'

.PHONY: demo demo-down demo-local local
demo: $(venv) ## Everything, from an empty machine to answers and pods that scale; KIND=no, or KUBECONFIG=... REGISTRY=...
	@cd hack && ../$(python) -m demo up $(target) $(kind)

demo-down: $(venv) ## Remove everything that demo started
	@cd hack && ../$(python) -m demo down $(target) $(kind)

demo-local: $(venv) ## The demo's questions on local processes: no root, no cluster
	@cd hack && ../$(python) -m demo local

local: PORT ?= 8000
local: $(venv) ## Run the quickstart as local processes until Ctrl-C; PORT=8000 is the API's
	@$(python) -m rag_operator.local -f examples/quickstart.yaml --port $(PORT)

# Two files of tests at a time, by their names' order, each with servers of its own: most of the time is waiting.
parallel := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: test lint test-unit test-integration test-browser test-cluster test-e2e
test: $(venv) ## Run all of the following, and compile the cluster meanwhile: most of the time they wait
	@mkdir -p build; setsid nice hack/cluster/cluster build >build/compiling.log 2>&1 & \
	trap "kill -- -$$! 2>/dev/null || true" EXIT; \
	$(MAKE) lint test-unit test-integration test-browser test-cluster test-e2e

lint: $(venv) ## Format, lint, types, and the direction of imports
	$(call timed,.venv/bin/ruff format --check .; .venv/bin/ruff check .; .venv/bin/mypy; .venv/bin/lint-imports)

test-unit: $(venv) ## Pure functions
	$(call timed,$(python) -m pytest tests/unit)

test-integration: $(venv) ## Services as local processes, with real Redis, engine and vector store
	$(call timed,$(python) -m pytest tests/integration $(parallel))

test-browser: $(venv) ## The page in Chromium, before the pipeline of `make local`
	$(call timed,$(python) -m pytest tests/browser)

test-cluster: $(venv) ## The operator against a real API server
	$(call timed,$(python) -m pytest tests/cluster $(if $(RAG_TEST_KUBECONFIG),,$(parallel)))

test-e2e: $(venv) ## The demo's path with assertions; EMBEDDING_CPU=250m slows its embedding pods
	$(call timed,$(python) -m pytest tests/e2e $(target) $(call given,EMBEDDING_CPU,embedding-cpu))

.PHONY: audit
audit: $(venv) ## Look up what is known to be wrong with the pinned packages; ARGS=--where-possible puts up with no data
	$(call timed,$(python) hack/audit.py $(ARGS))

.PHONY: bench
bench: $(venv) ## Measure and record: NAME=demo, test (ARGS=--cold: with empty caches), ingest, documents, document-api, operator, sight, retrieval, parsing
	@PYTHONPATH=hack $(python) -m tests.bench $(NAME) $(ARGS)

.PHONY: screenshots
screenshots: $(venv) ## Take the pictures of the page in docs/screenshots anew, by its tests
	@$(python) -m pytest tests/browser --screenshots docs/screenshots

.PHONY: cluster images
cluster: ## Build and start the local cluster, with KEDA
	@hack/cluster/cluster build
	@hack/cluster/cluster up
	@hack/cluster/cluster keda

images: ## Build the images and name them in build/images.yaml
	@hack/images/build

.PHONY: venv lock crd reference dashboards
venv: $(venv) ## Install everything into .venv
$(venv): $(MAKEFILE_LIST)
	@hack/uv venv --quiet --clear .venv
	@hack/uv pip install --quiet --python .venv --no-deps --require-hashes -r requirements/dev.txt
	@hack/uv pip install --quiet --python .venv --no-deps --no-build-isolation -e .
	@hack/page
	@touch $@

lock: ## Pin pyproject.toml's requirements; UPGRADE=1 takes newer ones
	hack/lock $(if $(UPGRADE),--upgrade)

crd: $(venv) ## Generate the CRD from the operator's models
	$(python) -m rag_operator.crd >crds/ragpipelines.yaml

reference: $(venv) ## Write docs/resource.md from the CRD, docs/api.md from the OpenAPI, docs/metrics.md from the code, the charts' READMEs
	$(python) hack/reference.py
	$(python) hack/api_reference.py
	$(python) hack/metrics_page.py
	$(python) hack/chart_readme.py

dashboards: $(venv) ## Write Grafana's dashboards into the operator's chart
	@cd hack && ../$(python) -m dashboards

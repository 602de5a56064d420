# Everything a newcomer types; `make help` lists it. Set-up is done by deploy/setup, only where it is missing.
SHELL := /bin/bash
VENV ?= .venv
CLOUDWEB_VAR ?= var
BIN := $(VENV)/bin
export VENV CLOUDWEB_VAR DRIVERS LISTEN
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run demo test lint types docs storm bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo
	@echo "  DRIVERS=fake make run     a cloud without root or hypervisor: guests in memory"
	@echo "  LISTEN=0.0.0.0:8000       where make run listens (default 127.0.0.1:8000)"
	@echo "  CLOUDWEB_VAR=/srv/cloud   where it keeps its data (default var/)"

run: ## Install what is missing, then run the cloud in the foreground
	@deploy/setup run
	@exec $(BIN)/python -m cloudweb.supervisor

demo: ## Do the main job with the real openstack command against a running cloud
	@deploy/setup demo
	@exec $(BIN)/python deploy/demo.py

test: ## Run the whole suite, real guests included
	@deploy/setup test
	@exec $(BIN)/python tests/run.py $(ARGS)

lint: ## Check style, imports, spelling, templates and migrations
	@deploy/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/djlint --lint --quiet templates
	DJANGO_SETTINGS_MODULE=cloudweb.settings.test $(BIN)/python manage.py makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=cloudweb.settings.test $(BIN)/python manage.py spectacular \
	  --validate --fail-on-warn --file /dev/null
	$(BIN)/python docs/where_is.py --check
	$(BIN)/python docs/states.py --check

types: ## Check types (mypy --strict)
	@deploy/setup test
	$(BIN)/mypy .

docs: ## Build the documentation into docs/_build
	@deploy/setup test
	$(BIN)/python docs/where_is.py
	$(BIN)/python docs/states.py
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

storm: ## Ten minutes of trouble on real drivers: processes die and freeze while tenants work
	@deploy/setup test
	@exec $(BIN)/python -m tests.storm $(ARGS)

bench: ## Measure the control plane on fake drivers, and one real guest
	@deploy/setup test
	@exec $(BIN)/python -m benchmarks $(ARGS)

lock: ## Resolve pyproject.toml and package.json anew
	@deploy/setup test
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url \
	  --custom-compile-command "make lock" --group client -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url \
	  --custom-compile-command "make lock" --group client --group dev -c requirements.txt \
	  -o requirements-dev.txt pyproject.toml
	npm update --package-lock-only --no-audit --no-fund

clean: ## Stop the cloud and remove all of it: guests, networks, data (asks first)
	@exec deploy/clean

# azukari: `make demo` and `make test` need nothing beforehand but Debian, make and root or sudo.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
AZUKARI := $(VENV)/bin/azukari
SUDO := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=AZUKARI_HOME)
SITE := inventory/lab

.PHONY: help setup demo test test-fast test-all breaches bench lint lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(VENV)/.done ## OS packages and .venv

$(VENV)/.done: tools/setup pyproject.toml requirements-dev.lock
	$(SUDO) tools/setup os
	tools/setup venv
	touch $@

demo: setup ## the main job, whole: lab up, apply, drill, verify, report
	$(SUDO) $(AZUKARI) lab demo --site $(SITE)

test-fast: setup ## lint and unit tests, no lab
	$(PY) -m pytest tests/unit -n 2 -q

test: lint test-fast ## everything that fits in about an hour; prints what was left out
	$(SUDO) $(PY) -m pytest tests/lab tests/breaches -q --share=rotating

test-all: lint test-fast ## everything
	$(SUDO) $(PY) -m pytest tests/lab tests/breaches -q --share=all

breaches: setup ## every breach and near miss
	$(SUDO) $(PY) -m pytest tests/breaches -q --share=all

bench: setup ## writes docs/benchmarks.md and docs/benchmarks.json
	$(SUDO) $(PY) -m tests.bench

lint: setup ## ruff, mypy, ansible-lint, yamllint, import-linter
	! git grep -nE '^(<<<<<<<|>>>>>>>) '
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/yamllint --strict .
	$(VENV)/bin/ansible-lint --offline -q

PIN := $(VENV)/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
  --python-version 3.11 --custom-compile-command "make lock" pyproject.toml

lock: ## pin all dependencies, with hashes: requirements-dev.lock for this checkout, requirements.lock for a user
	$(PIN) --extra dev -o requirements-dev.lock
	$(PIN) --constraint requirements-dev.lock -o requirements.lock

clean: ## nothing is left: labs, bridges, mounts, rules, keys, image, reports, .venv
	test ! -x $(AZUKARI) || $(SUDO) $(PY) -m tests.provisioned down
	test ! -x $(AZUKARI) || $(SUDO) $(AZUKARI) lab down --everything --site $(SITE)
	$(SUDO) rm -rf $(VENV) .ansible .pytest_cache .mypy_cache .ruff_cache out dist build
	$(SUDO) find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The commands of the platform: `make help`. Each one installs first what it needs, in .venv.
.DEFAULT_GOAL := help
.PHONY: help install demo up test schematron fault fault-uploads lint format types contracts compatibility generate lock
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

PYTHON := .venv/bin/python
CODE := libs services deploy tests
NOTICES ?=
TESTS ?=
FAULT ?=
PORT ?= 8080

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Make .venv and install everything in it
	@sh deploy/install.sh

demo: install ## Tell the whole story and stop; NOTICES=<folder>: on your own eForms notices
	@$(PYTHON) -m deploy.local.demo $(if $(NOTICES),--notices "$(NOTICES)")

up: install ## Keep the whole platform up on this machine, data kept in .halles; PORT=8080
	@exec $(PYTHON) -m deploy.local up --port $(PORT)

test: install ## Run all tests on a real PostgreSQL and a real RabbitMQ; TESTS=<paths and options>
	@exec $(PYTHON) -m libs.common.testing.servers $(PYTHON) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(TESTS)

schematron: install ## Judge every eForms notice we write with the official Schematron, and the judge with the official reports
	@$(PYTHON) -m tests.schematron

fault: install ## Storm over real processes on private servers: 100,000 events, 200 kills, real effects; FAULT=<options, --help>
	@exec $(PYTHON) -m tests.fault $(FAULT)

fault-uploads: install ## Interrupt a thousand uploads at random, by either side; FAULT=<options, --help>
	@exec $(PYTHON) -m libs.common.testing.servers $(PYTHON) -m tests.fault.uploads $(FAULT)

lint: install ## Check the style
	@$(PYTHON) -m ruff format --check $(CODE)
	@$(PYTHON) -m ruff check $(CODE)

format: install ## Format the code, mend what can be mended
	@$(PYTHON) -m ruff check --fix $(CODE)
	@$(PYTHON) -m ruff format $(CODE)

types: install ## Check the types, strictly
	@$(PYTHON) -m mypy

contracts: install ## Check who may import whom
	@.venv/bin/lint-imports --no-logo

compatibility: install ## Refuse a breaking change of an event since the last release
	@$(PYTHON) -m libs.common.compatibility

bench-%: install ## Measure a part (bench-story, ...): one JSON object a line
	@$(PYTHON) -m tests.bench.$(subst -,_,$*)

generate: install ## Write again what is generated: event schemas, AsyncAPI, OpenAPI, RabbitMQ definitions, dashboard, autoscaling
	@$(PYTHON) -m libs.common.generate
	@$(PYTHON) -m deploy.grafana.dashboard
	@$(PYTHON) -m deploy.kubernetes.autoscaling

lock: install ## Pin the dependencies again: requirements/*.txt
	@sh deploy/lock.sh

# `make` alone prints this list. Each target does its own set-up: a machine with Python 3.11+ and make is enough.
PYTHON ?= python3
HERE := $(PYTHON) scripts/set_up.py

.DEFAULT_GOAL := list
.PHONY: list run test check audit format bench soak reference pictures release wheels

list: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start runtime and launcher, run a sample job, serve until Ctrl+C (ONCE=1: end after the sample job)
	@$(HERE) python scripts/run_here.py $(if $(ONCE),--once)

test: ## everything that CI runs: all checks, then all tests
	@$(HERE) python scripts/check_all.py --with-tests

check: ## all checks without the tests: lint, format, types, arrows, tidy
	@$(HERE) python scripts/check_all.py

audit: ## ask whether a package in uv.lock has a known hole (needs the network)
	@$(HERE) uv audit --locked --preview-features audit-command

format: ## rewrite the Python files in the house's format
	@$(HERE) ruff check --fix-only --quiet .
	@$(HERE) ruff format .

bench: ## measure latency, throughput, many at once, idle cost (ONLY="latency real claude weight clients dashboard", PROFILE=1, NO_BYTE_CODE=1)
	@PYTHONPATH=tests $(HERE) python -m bench $(ONLY) $(if $(PROFILE),--profile) $(if $(NO_BYTE_CODE),--no-byte-code)

soak: ## shake everything for MINUTES=30 with random faults (SEED=7 plays a plan again), then check every promise
	@PYTHONPATH=tests $(HERE) python -m soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

release: ## build what is published, twice, and check it: wheel, sources and sums go to dist/
	@$(HERE) python scripts/release.py

wheels: ## bring together in dist/wheels what a container is built of without a network (PYTHON_VERSION=3.13)
	@$(HERE) python scripts/wheels.py $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

pictures: ## photograph the page anew for the README (docs/pictures)
	@$(HERE) python tests/browser/screenshots.py

reference: ## write docs/reference/ anew from the code
	@$(HERE) python scripts/write_reference.py

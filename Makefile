# kvcluster: every task of the project. `make` prints this help.
NODE := $(CURDIR)/node_modules/node/bin/node
BIN := node_modules/.bin
RUN := $(NODE) --conditions=source

.DEFAULT_GOAL := help
.PHONY: help setup build check types lint unit test e2e bench up down run images generate clean

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: node_modules/.package-lock.json ## Install what the project needs from npm (and, for tests, from the system's packages)

node_modules/.package-lock.json: package.json package-lock.json protocol/package.json server/package.json operator/package.json e2e/package.json
	npm install --no-fund --no-audit
	@test -x $(NODE) || (cd node_modules/node && npm run preinstall)
	@touch $@

build: setup ## Compile TypeScript to dist/
	$(BIN)/tsc -b

check: setup types lint unit ## The fast loop: types, lint, generated files, unit tests

types: setup
	$(BIN)/tsc -b

lint: setup
	$(BIN)/biome check --error-on-warnings .

unit: setup
	$(NODE) $(BIN)/vitest run

clean: ## Remove what was built
	rm -rf node_modules */dist */*.tsbuildinfo

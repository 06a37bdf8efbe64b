# kvcluster: every task of the project. `make` prints this help.
NODE := $(CURDIR)/node_modules/node/bin/node
BIN := node_modules/.bin
RUN := $(NODE) --conditions=source
NATIVE := $(patsubst server/native/%.c,server/native/build/%.node,$(wildcard server/native/*.c))

.DEFAULT_GOAL := help
.PHONY: help setup build check types lint fresh unit integration test fuzz e2e bench compat up down run images generate clean

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: node_modules/.package-lock.json $(NATIVE) ## Install what the project needs from npm (and, for tests, from the system's packages)

node_modules/.package-lock.json: package.json package-lock.json protocol/package.json server/package.json operator/package.json e2e/package.json
	npm install --no-fund --no-audit
	@test -x $(NODE) || (cd node_modules/node && npm run preinstall)
	@touch $@

# Without a C compiler the server does without its native parts, as it says at start. They stay loaded to the end of the process:
# memory that came from one is given back after the thread that loaded it has unloaded its parts.
server/native/build/%.node: server/native/%.c node_modules/.package-lock.json
	@mkdir -p $(@D)
	@if command -v cc >/dev/null; then \
	  cc -O2 -Wall -Wextra -Werror -shared -fPIC -Wl,-z,nodelete -I node_modules/node-api-headers/include $< -o $@; \
	else echo "no C compiler: the server's native part $* is left out"; fi

build: setup ## Compile TypeScript to dist/
	$(BIN)/tsc -b

check: setup types lint fresh unit ## The fast loop: types, lint, generated files, unit tests

types: setup
	$(BIN)/tsc -b

lint: setup
	$(BIN)/biome check --error-on-warnings .

fresh: setup
	$(RUN) operator/src/generate.ts --check
	$(RUN) server/src/compatibility/generate.ts --check

# No module has state of its own, so test files can share the modules that one has loaded: a quarter of the time. vitest alone
# would leave one processor idle, which is half of two.
unit: setup
	$(NODE) $(BIN)/vitest run --no-isolate --maxWorkers=100% --exclude '**/*.integration.test.ts'

# Whole processes on a busy machine can miss a bound once: such a test is tried again, and the report says "(retry x1)".
integration: setup
	$(NODE) $(BIN)/vitest run --retry=1 integration.test.ts

test: ## All tests but the end-to-end ones, with what they need installed first
	.ci/packages
	.ci/s3-store
	$(MAKE) check integration

fuzz: setup ## Random tests with new seeds, for longer (CALLS=1000000 SEED=1 ARGS="commands" for a part)
	.ci/packages
	$(NODE) $(BIN)/vitest run --config vitest.fuzz.config.ts $(ARGS)

bench: setup ## Speed, memory and stalls beside redis-server (ARGS="cpu", "SET GET", "empty keys structures growth delete compaction mixed snapshot always tls tracking")
	.ci/packages
	$(RUN) e2e/bench/run.ts $(ARGS)

compat: setup ## The test suites of client libraries against redis-server and ours (ARGS="redis-py-resp2 redis-py-resp3 go-redis", each also as …-tls, "libraries")
	.ci/packages
	$(RUN) e2e/compat/run.ts $(ARGS)

run: setup ## Start one server alone on port 6379 (ARGS="--port 7000" for other directives)
	server/bin/kv-server $(ARGS)

generate: setup ## Write the files that are generated: CRDs, the chart's RBAC, docs/compatibility.md
	$(RUN) operator/src/generate.ts
	$(RUN) server/src/compatibility/generate.ts

images: build ## Build the images of server, operator and clients (Docker, or buildah without a registry)
	e2e/images/build $(CURDIR)/.cache/images

up: ## A Kubernetes (kind, or our local one of NODES=1), the operator and a Ready example cluster
	e2e/up

down: ## Remove what `make up` brought up
	e2e/down

e2e: images ## End-to-end tests on KUBECONFIG, or on a local Kubernetes brought up for them (ARGS=... for vitest)
	e2e/run $(ARGS)

clean: ## Remove what was built
	rm -rf node_modules */dist */*.tsbuildinfo server/native/build

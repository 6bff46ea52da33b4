# Quorate's targets. Every target first does what is missing (dependencies, build), so a fresh clone
# needs no preparation; `make` alone lists them. `make check` only reads, `make fix` rewrites.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := node_modules/.bin
NODE_TS := node --import tsx

# Options of run-server. HOST and SECRET are taken from the command line alone: some shells export
# one. SECRET names a file; without it the server is open to whoever reaches its port, and says so.
HOST := 0.0.0.0
SECRET :=
PORT ?= 5555
SERVER_ID ?= server1
DATA ?= data/$(SERVER_ID)
# Options of cluster (servers), test (part of a path, or a layer) and test, check (files at once).
N ?= 5
ONLY ?=
JOBS ?= 2

comma := ,
# $(call quote,TEXT): TEXT as one word of the shell.
quote = '$(subst ','\'',$(1))'
# $(call quote_each,WORDS): each word quoted.
quote_each = $(foreach word,$(1),$(call quote,$(word)))
# $(call flag,--name,VALUE): the flag, if VALUE is not empty.
flag = $(if $(strip $(2)),$(1) $(call quote,$(strip $(2))))

server_flags = \
  $(call flag,--mode,$(MODE)) \
  $(call flag,--id,$(SERVER_ID)) \
  $(call flag,--listen,$(if $(findstring :,$(HOST)),[$(HOST:[%]=%)],$(HOST)):$(PORT)) \
  $(call flag,--peers,$(PEERS)) \
  $(if $(strip $(SECRET)),$(call flag,--secret-file,$(SECRET)),--open) \
  $(call flag,--data,$(DATA)) \
  $(call flag,--cluster,$(CLUSTER)) \
  $(call flag,--zone,$(ZONE)) \
  $(call flag,--expect,$(EXPECT)) \
  $(if $(filter 0 false no off,$(MDNS)),--no-mdns) \
  $(call flag,--election-timeout-min,$(ELECTION_TIMEOUT_MIN)) \
  $(call flag,--election-timeout-max,$(ELECTION_TIMEOUT_MAX)) \
  $(call flag,--heartbeat-interval,$(HEARTBEAT_INTERVAL)) \
  $(call flag,--max-missed-heartbeats,$(MAX_MISSED_HEARTBEATS)) \
  $(call flag,--log-level,$(LOG_LEVEL))

# $(call prepare,TARGET): makes TARGET, one make at a time, so that servers started together on a
# fresh clone do not install and build over each other. Where flock is missing, a directory is the
# lock; one left by a killed make is to be removed by hand, and the message says so.
define prepare
@command -v node >/dev/null 2>&1 || \
  { echo "Quorate needs Node.js 20.17 or newer: no 'node' found on the PATH" >&2; exit 1; }; \
node -e 'var v = process.versions.node.split("."); process.exit(v[0] > 20 || (v[0] == 20 && v[1] >= 17) ? 0 : 1)' || \
  { echo "Quorate needs Node.js 20.17 or newer: this is $$(node --version)" >&2; exit 1; }; \
if command -v flock >/dev/null 2>&1; then \
  flock -o -n -E 75 .make.lock $(MAKE) -s $(1); code=$$?; \
  if [ $$code -eq 75 ]; then \
    echo "another make installs or builds here: waiting for it"; \
    flock -o .make.lock $(MAKE) -s $(1); code=$$?; \
  fi; \
else \
  until mkdir .make.lock.d 2>/dev/null; do \
    [ "$$told" ] || echo "waiting for another make (none runs? then: rmdir .make.lock.d)"; \
    told=1; sleep 1; \
  done; \
  trap 'rmdir .make.lock.d' EXIT; trap 'exit 130' INT TERM; \
  $(MAKE) -s $(1); code=$$?; \
fi; \
exit $$code
endef

.NOTPARALLEL:
.PHONY: help install install-dev build check check-types check-pure check-lint check-layers \
  check-dead check-tests fix test sim mutants sim-mutants model run-server cluster kill-leader failover-test \
  demo bench clean lab lab-deps

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  make run-server SERVER_ID=server2 PORT=5556 PEERS=localhost:5555"
	@echo "  more options: HOST SECRET=FILE DATA CLUSTER ZONE EXPECT MDNS=0 MODE LOG_LEVEL"
	@echo "  ELECTION_TIMEOUT_MIN ELECTION_TIMEOUT_MAX HEARTBEAT_INTERVAL MAX_MISSED_HEARTBEATS"

node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null 2>&1 || \
	  { echo "Quorate is installed by npm: no 'npm' found on the PATH" >&2; exit 1; }
	@echo "installing dependencies (npm ci)"
	@npm ci --no-progress --loglevel=error
	@touch $@

# Folders are prerequisites too: their time changes when a file goes. The stamp bears the time at
# which the build began, so that an edit made during the build is not lost.
dist/.built: node_modules/.package-lock.json tsconfig.json $(shell find src)
	@echo "building"
	@mkdir -p dist && touch dist/.begun
	@$(BIN)/tsc -p src/tsconfig.build.json
	@mv dist/.begun $@

install: build ## Install the dependencies and build: all that a server needs

install-dev: ## Install the dependencies, those for development among them
	$(call prepare,node_modules/.package-lock.json)

build: ## Compile src to dist, if anything changed
	$(call prepare,dist/.built)

check: check-types check-pure check-lint check-layers check-dead check-tests ## Check all, change nothing

check-types: install-dev
	@echo "types"
	@$(BIN)/tsc -p tsconfig.json

check-pure: install-dev
	@echo "purity: the pure ring without Node"
	@$(BIN)/tsc -p src/tsconfig.pure.json

check-lint: install-dev
	@echo "lint and format"
	@$(BIN)/biome ci

check-layers: install-dev
	@echo "layers: who may import whom"
	@$(BIN)/depcruise --config .dependency-cruiser.cjs src

check-dead: install-dev
	@echo "dead code"
	@$(BIN)/knip

check-tests: build
	@echo "tests, with coverage"
	@$(NODE_TS) test/run.ts --jobs $(JOBS) --coverage

fix: install-dev ## Format and mend what the linter can mend: the one target that rewrites files
	@$(BIN)/biome check --write

test: build ## Run the tests; ONLY=raft or ONLY=raft/quorum runs some of them
	@$(NODE_TS) test/run.ts --jobs $(JOBS) $(call quote_each,$(ONLY))

lab: build ## Machines as namespaces, faults between real servers; SCENARIO=storm SECONDS=600
	@exec $(NODE_TS) test/lab/run.ts $(call flag,--scenario,$(SCENARIO)) \
	  $(call flag,--seconds,$(SECONDS)) $(call flag,--seed,$(SEED)) \
	  $(call flag,--without,$(WITHOUT)) $(call flag,--count,$(COUNT))

# Where nothing can be installed, `make lab` says what is missing and skips.
lab-deps: ## Install what the lab needs beside Node: iproute2 and util-linux, where apt-get has them
	@if command -v ip >/dev/null && command -v tc >/dev/null && command -v nsenter >/dev/null; \
	then echo "the lab has all it needs"; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get install -y -q iproute2 util-linux >/dev/null || \
	    { apt-get update -q >/dev/null && apt-get install -y -q iproute2 util-linux >/dev/null; }; \
	else echo "the lab needs ip, tc (iproute2) and nsenter (util-linux): install them" >&2; fi

sim: install-dev ## Run false worlds; SEED COUNT SERVERS SECONDS WITHOUT choose, e.g. COUNT=2000
	@exec $(NODE_TS) test/sim/run.ts --jobs $(JOBS) $(call flag,--seed,$(SEED)) \
	  $(call flag,--count,$(COUNT)) $(call flag,--servers,$(SERVERS)) \
	  $(call flag,--seconds,$(SECONDS)) $(call flag,--without,$(WITHOUT))

mutants: install-dev ## Break each rule on purpose; every mutant must be killed by its test
	@exec $(NODE_TS) test/mutants/run.ts --jobs $(JOBS)

sim-mutants: install-dev ## Which mutants the simulator alone finds; ONLY=half,joint COUNT=300
	@exec $(NODE_TS) test/mutants/run.ts --jobs $(JOBS) --sim $(or $(COUNT),100) $(call quote_each,$(subst $(comma), ,$(ONLY)))

model: install-dev ## Explore all small worlds of the core; STATES=n SECONDS=n bound each
	@STATES=$(STATES) SECONDS=$(SECONDS) exec $(NODE_TS) --import ./test/model/register.ts test/model/run.ts

run-server: build ## Start one server; PEERS=HOST:PORT,… joins the cluster they are in
	@exec node bin/quorate.js start $(server_flags)

cluster: build ## Start N=5 servers on this machine; Ctrl-C stops them all
	@exec node bin/quorate.js dev cluster --servers $(N)

kill-leader: build ## Kill (-9) the leader of the cluster that `make cluster` started
	@exec node bin/quorate.js dev kill-leader

failover-test: build ## Three servers: kill the leader, show who takes over and how fast
	@exec $(NODE_TS) test/demo/failover-test.ts

demo: build ## Servers find each other, lose two, go on, heal; one comes back with an empty folder
	@exec $(NODE_TS) test/demo/demo.ts

bench: build ## Measure appends per second and fail-over on this machine
	@exec $(NODE_TS) test/bench/bench.ts

clean: ## Remove what was built; dependencies and data stay
	@rm -rf dist coverage

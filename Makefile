# `make` prints the targets. Recipes stay short; what is longer lives in tools/ and deploy/demo/run.
# The outside tools (a control plane, Helm, the AWS CLI) are built or installed on first use, outside the clone.

.DEFAULT_GOAL := help
.NOTPARALLEL: # cargo and go each use all processors by themselves
.PHONY: help test check check-fmt check-deny advisories check-clippy check-generated check-docs docs test-unit test-clients test-apiserver test-convergence test-chart test-kube-state-metrics test-gitops gitops test-chaos chaos e2e soak replay mutants bench bench-reconciles bench-micro \
  build release image test-image test-helm3 test-upgrade sbom demo generate manifests tools clean

# Seeded defects panic by the hundred, and a failing test names its place without it.
export RUST_BACKTRACE := 0

TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))

# These need the outside tools or print what they counted; every other test file is a unit test to make.
SLOW_TESTS := apiserver chart chaos convergence e2e gitops protocol_model
TESTS := $(patsubst tests/%.rs,%,$(wildcard tests/*.rs)) $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs))
UNIT_TESTS := $(filter-out $(SLOW_TESTS),$(TESTS))

# One feature set for everything, so that nothing is built twice. A build that includes a test (the smallest) has the
# features of the dev-dependencies as well; without one, `cargo build` and `cargo test` would build most crates twice.
CARGO_BUILD := cargo build --locked --features sim --bins --test $(firstword $(filter layering,$(TESTS)) $(TESTS))
CARGO_TEST := cargo test --locked --features sim
# Of thousands of plans, each takes half the time where this crate is optimised a little; that pays for a build of its
# own beside the other one. The crates that it needs are the same ones.
CARGO_TEST_PLANS := cargo test --locked --features sim --config 'profile.dev.package.transfer-operator.opt-level=1'

step = @printf '\n=== %s: %s\n' '$@' $(1)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-23s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: check docs test-unit test-convergence test-clients test-gitops test-apiserver test-chart test-helm3 test-upgrade test-chaos e2e ## all checks and tests, the cheapest first
	@printf '\n=== all checks and tests passed\n'

check: check-fmt check-docs check-deny check-clippy check-generated ## format, links, dependencies, lints, generated files

check-fmt: ## the format of the Rust code
	$(call step,'cargo fmt --check')
	@cargo fmt --check

check-docs: ## links of all pages, and the tests that docs/security.md names; builds nothing
	$(call step,'tools/docs check')
	@tools/docs check

check-deny: ## licences, sources and bans of the dependencies (deny.toml); known faults of them: make advisories
	$(call step,'cargo deny check bans licenses sources')
	@PATH="$$(tools/cargo-tool cargo-deny):$$PATH" cargo deny --locked --log-level error check bans licenses sources

advisories: ## known faults of the dependencies; the database of them has to be reached
	@PATH="$$(tools/cargo-tool cargo-deny):$$PATH" cargo deny --locked check advisories

check-clippy: ## lints, pedantic, every warning an error
	$(call step,'cargo clippy')
	@cargo clippy --locked --all-targets --features sim -- -D warnings

check-generated: build ## crds/, their copy in the chart, its table of values, its dashboard, docs/reference, deploy/iam are up to date; examples
	$(call step,'tools/generate crds and values and dashboard and reference and iam --check')
	@tools/generate dashboard --check
	@tools/generate crds --check
	@tools/generate values --check
	@tools/generate reference --check
	@tools/generate iam --check
	@tools/docs examples

test-unit: ## unit tests and the tests against the simulator
	$(call step,'$(UNIT_TESTS) and the tests beside the code')
	@$(CARGO_TEST) --lib --bins $(addprefix --test ,$(UNIT_TESTS))

test-convergence: ## the protocol's model, and the operator under every fault plan in virtual time
	$(call step,'the model and the plans')
	@$(CARGO_TEST_PLANS) --test protocol_model --test convergence -- --nocapture --test-threads 2

test-clients: build ## AWS CLI and boto3 against transfer-sim, what the benchmark counts, how an image is built and judged
	$(call step,'pytest tests/clients bench/tests tests/image')
	@env=$$(tools/python-env) && TRANSFER_SIM=$(TARGET_DIR)/debug/transfer-sim PYTHONDONTWRITEBYTECODE=1 \
	  PATH="$$env/bin:$$PATH" "$$env/bin/python" -m pytest -p no:cacheprovider tests/clients bench/tests tests/image

test-apiserver: ## tests in a real API server
	$(call step,'a control plane and tests/apiserver')
	@tools/build-kube etcd kube-apiserver kubectl kube-controller-manager >/dev/null
	@tools/prometheus >/dev/null
	@$(CARGO_TEST) --test apiserver

test-chart: build ## the chart by Helm in a real API server, and deploy/ is what it renders
	$(call step,'Helm with a control plane and tests/chart')
	@tools/build-kube etcd kube-apiserver kubectl kube-controller-manager helm >/dev/null
	@tools/prometheus >/dev/null
	@tools/build-policy >/dev/null
	@tools/python-env tools/policy/requirements.txt >/dev/null
	@tools/generate manifests --check
	@$(CARGO_TEST) --test chart

test-helm3: build ## the chart by Helm 3, and from it to Helm 4
	$(call step,'Helm 3 and 4 with a control plane and tests/chart')
	@tools/build-kube etcd kube-apiserver kubectl helm >/dev/null
	@tools/build-helm3 >/dev/null
	@$(CARGO_TEST) --test chart -- --ignored --skip former

test-upgrade: build ## from the former version's binary, chart and objects to these: AWS is as before; UPGRADE=required skips never
	$(call step,'the former version with a control plane and tests/chart')
	@UPGRADE="$(UPGRADE)" tools/upgrade

test-kube-state-metrics: ## kube-state-metrics itself with deploy/kube-state-metrics.yaml
	$(call step,'kube-state-metrics with a control plane and tests/apiserver')
	@tools/build-kube etcd kube-apiserver kubectl >/dev/null
	@tools/build-kube-state-metrics >/dev/null
	@$(CARGO_TEST) --test apiserver kube_state_metrics -- --ignored

test-gitops: ## what kstatus, Flux, Helm 4, Argo CD and kubectl make of the recorded states of our objects
	$(call step,'tools/gitops')
	@"$$(tools/build-gitops judge)/gitops" table .

gitops: build test-gitops ## our objects in the hands of Flux's controllers and of Argo CD's engine
	$(call step,'Flux and a registry with a control plane and tests/gitops')
	@tools/build-kube etcd kube-apiserver kubectl kube-controller-manager >/dev/null
	@tools/build-gitops flux >/dev/null
	@$(CARGO_TEST) --test gitops -- --test-threads 1

test-chaos: ROUNDS := 3
test-chaos: SEED := 1
test-chaos: chaos ## a short run of chaos

chaos: ## two operators under kills, restarts, throttling for ROUNDS (30), then what AWS saw; SEED repeats a run
	$(call step,'a control plane and tests/chaos')
	@tools/build-kube etcd kube-apiserver kubectl >/dev/null
	@ROUNDS=$(or $(ROUNDS),30) SEED=$(SEED) $(CARGO_TEST) --test chaos -- --nocapture

# Only where it is said for this run: the cluster that somebody's shell happens to point at is not one to install in.
e2e: E2E_KUBECONFIG := $(or $(E2E_KUBECONFIG),$(if $(filter command,$(origin KUBECONFIG)),$(KUBECONFIG)))
e2e: ## the chart and the image in a real cluster: on a node of its own (as root), or KUBECONFIG=...; E2E=required skips never
	$(call step,'a node with pods and tests/e2e')
	@E2E="$(E2E)" E2E_KUBECONFIG="$(E2E_KUBECONFIG)" tools/e2e

soak: ## what searches further than `make test` does
	$(call step,'the protocol model, deeper, and more schedules')
	@PROTOCOL_MODEL_DEEPER=8 $(CARGO_TEST) --profile soak --test protocol_model -- --nocapture
	@SCHEDULES_TIMES=50 $(CARGO_TEST) --profile soak --test schedules
	$(call step,'readers of what others wrote, under more inputs')
	@BYTES_TIMES=200 $(CARGO_TEST) --profile soak --lib bytes_tests
	$(call step,'every plan of tests/convergence')
	@SCALE=soak $(CARGO_TEST) --profile soak --test convergence no_plan -- --nocapture

replay: ## run one plan of tests/convergence again, every call printed: PLAN='family/workflow/...'
	@TRACE=1 $(CARGO_TEST) --test convergence replay -- --ignored --nocapture

mutants: ## mutation testing of the decisions, in shards: SHARD=0/4 runs one of four
	$(call step,'cargo-mutants and the tests beside the code')
	@tools/mutants $(SHARD)

bench: ## this build and that of issue 13 under load, into bench/results; FULL=1 takes hours
	$(call step,'bench')
	@PYTHONDONTWRITEBYTECODE=1 python3 -m bench $(if $(FULL),--full)

bench-reconciles: ## the processor's time of a reconcile among 1,000 and 10,000 users: it may grow by 1.3
	$(call step,'benches/reconciles')
	@cargo bench --locked --features sim --bench reconciles

bench-micro: ## the time of what is pure, and the room it takes: decisions, comparisons, keys, the queue, the rate limiter
	$(call step,'benches/pure')
	@cargo bench --locked --features sim --bench pure

build: ## both programs, for development
	$(call step,'transfer-operator and transfer-sim')
	@$(CARGO_BUILD)

release: ## the operator as it is shipped: target/release/transfer-operator
	@tools/release

image: release ## the operator's image, by docker, podman or buildah; IMAGE names it, BASE is what it stands on
	@tools/image

test-image: release ## the image, built twice: what is in it, that it runs, that both are one; by podman or buildah
	$(call step,'tools/image twice and tools/image-check')
	@tools/image --oci target/image/first
	@tools/image --oci target/image/second
	@tools/image-check target/image/first target/image/second

sbom: ## what the operator is made of, CycloneDX: target/sbom/transfer-operator.cdx.json
	@tools/sbom

docs: ## the documentation as a site, by mdbook: target/site/index.html
	@tools/docs build target/site

demo: ## the whole product on this machine, no AWS account needed; KEEP=1 leaves it running until Ctrl-C
	@KEEP=$(KEEP) deploy/demo/run

generate: build ## write crds/, their copy in the chart, its table of values, its dashboard and docs/reference
	@tools/generate dashboard
	@tools/generate crds
	@tools/generate values
	@tools/generate reference

manifests: build ## write deploy/crds.yaml, deploy/install.yaml and deploy/iam
	@tools/generate manifests
	@tools/generate iam

tools: ## build and install every outside tool now, and print where they are
	@tools/build-kube etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy helm
	@tools/prometheus
	@tools/build-policy
	@tools/python-env
	@tools/python-env tools/policy/requirements.txt

clean: ## remove what cargo built; the outside tools stay in the cache
	@cargo clean

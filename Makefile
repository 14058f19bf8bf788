# The few commands of this repository. Each is a script under scripts/ that also runs by itself.
.DEFAULT_GOAL := help
.PHONY: help demo down test check bench findings build images fmt

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## the main job on a local cluster, until Ctrl-C (DETACH=1: return; CONTEXT=name IMAGES=registry/prefix: your cluster, see README)
	@scripts/demo up

down: ## end what `make demo` started
	@scripts/demo down

test: ## all tests: the checks, real parts, a real API server, the demo from outside
	@scripts/test

check: ## the quick loop: format, lints, unit tests, chart and scripts
	@scripts/check

bench: ## latency and cost, of inputs, viewers and links, in release form, as rows for docs/benchmarks.md
	@scripts/bench

findings: ## what outside programs do that one would not expect: whether they still do (minutes; outside CI)
	@findings/run

build: ## both programs, in release form
	@scripts/build

images: ## both container images, for the local cluster
	@scripts/images build

fmt: ## format the sources
	@cargo fmt --all

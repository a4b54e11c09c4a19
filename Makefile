# Everything runs in .venv, which is made on the first call. Pins: constraints.txt.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-train test-gpu install install-gpu lint typecheck bench soak fuzz screenshots audit sbom wheel-check clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: install ## run the whole pipeline on a synthetic clip (options: make demo ARGS="--headless")
	@.venv/bin/unmask demo $(ARGS)

test: install ## run all tests (options: make test ARGS="tests/engines -x")
	@bash scripts/system_libraries.sh test
	@bash scripts/server_environment.sh
	@.venv/bin/python -m pytest $(ARGS)

test-train: ## run the tests that need torch, in .venv-train, which it makes first (gigabytes)
	@bash scripts/system_libraries.sh
	@bash scripts/train_environment.sh
	@.venv-train/bin/python -m pytest -p no:pytest-qt tests/training tests/export tests/engines/test_torch_reference.py tests/engines/test_torch_operators.py $(wildcard tests/cli/test_train_*.py) tests/cli/test_export.py $(ARGS)

test-gpu: install ## run the tests that need an NVIDIA GPU with TensorRT, and print what was skipped and why
	@bash scripts/test_gpu.sh $(ARGS)

install: ## make .venv and install the project with the gui, page and dev extras
	@bash scripts/system_libraries.sh
	@bash scripts/install.sh

install-gpu: install ## put the GPU build of ONNX Runtime in the place of the CPU build
	@bash scripts/install_gpu.sh

lint: install ## check style and formatting
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

typecheck: install ## check the types, and engines/tensorrt against TensorRT 10 and 11 where their signatures are
	@bash scripts/typecheck.sh $(ARGS)

coverage: install ## measure which lines and branches the tests run (half an hour; options: make coverage ARGS="tests/engines")
	@bash scripts/coverage.sh $(ARGS)

mutation: install ## make small mistakes and see whether tests notice (an hour; options: make mutation ARGS="verdict --sample 0.2")
	@nice -n 10 .venv/bin/python scripts/mutation.py $(ARGS)

audit: install ## check the pins and their licences against what is known of them, without a network
	@.venv/bin/python scripts/audit.py

sbom: install ## write what Unmask consists of as CycloneDX JSON: dist/unmask.cdx.json
	@.venv/bin/python scripts/sbom.py dist/unmask.cdx.json

wheel-check: ## build the wheel and use it in fresh environments (minutes; options: make wheel-check PYTHONS="python3.11 python3.12")
	@bash scripts/check_wheel.sh $(PYTHONS)

bench: install ## measure everything on this machine: benchmarks/RESULTS.md (minutes; options: make bench ARGS="--quick")
	@.venv/bin/unmask bench all --results benchmarks/results --page benchmarks/RESULTS.md $(ARGS)

soak: install ## watch a live source for hours and say whether anything grows (options: make soak MINUTES=60)
	@.venv/bin/unmask bench soak --minutes $(or $(MINUTES),60) --json benchmarks/results/soak.json $(ARGS)
	@.venv/bin/unmask bench page --results benchmarks/results --page benchmarks/RESULTS.md

fuzz: install ## change files at random and read them, keeping what breaks in out/fuzz (options: make fuzz MINUTES=60 ARGS="zip picture")
	@nice -n 10 .venv/bin/python scripts/fuzz.py --minutes $(or $(MINUTES),5) $(ARGS)

screenshots: install ## make the pictures in docs/pictures (minutes; options: make screenshots ARGS="grid pill")
	@bash scripts/system_libraries.sh test
	@PYTHONPATH=tests/support .venv/bin/python scripts/screenshots/make.py $(ARGS)

clean: ## remove the environment and everything that was built
	@rm -rf .venv .venv-train .venv-server build dist unmask.egg-info .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

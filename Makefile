# Start with `make demo` and `make test`. Both set everything up themselves.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Python writes .pyc files: hundreds of processes import the same modules, and each would compile them again.
unexport PYTHONDONTWRITEBYTECODE
# Go programs collect garbage less often: that saves a tenth of the suite's processor time, for some memory.
export GOGC ?= 400

.PHONY: demo test lab setup check bench conformance soak format schema docs dist lock managed-policies outdated

demo: setup ## Set everything up, run all scenarios on the lab, and print the results
	@$(BIN)/python -m lab demo

test: setup ## Set everything up, run all tests
	@$(BIN)/python -m lab.tools
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lab: setup ## Start a lab and leave it running
	@$(BIN)/python -m lab up

setup: $(INSTALLED)

$(INSTALLED): requirements-uv.txt requirements.lock components/pyproject.toml access_graph/pyproject.toml policies/pyproject.toml pipeline/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than 3.11. fix: install Python 3.11 or newer, or select one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "error: $(PYTHON) cannot create a virtual environment. fix: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet -r requirements-uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e ./components -e ./access_graph -e ./policies -e ./pipeline
	@touch $@

check: setup ## Run the linter, the formatter, the layer contracts and the type checker
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: setup ## Print the cost of the components and of the same raw resources
	@$(BIN)/python tests/bench/mocks.py
	@PYTHONPATH=. $(BIN)/python tests/bench/engine.py
	@PYTHONPATH=.:tests $(BIN)/python tests/bench/access_graph.py

CASES ?= 10000

conformance: setup ## Compare with the vendors' programs, CASES generated cases for each; the results belong into docs/conformance.md
	@$(BIN)/python -m lab.tools
	@EKS_IDENTITY_CONFORMANCE_CASES=$(CASES) $(BIN)/python -m pytest --conformance tests/conformance \
	  tests/lab/library/test_aws_auth_conformance.py tests/lab/library/test_authentication_conformance.py \
	  tests/lab/library/test_rbac_oracle.py tests/lab/access_graph/test_fault_catalogue_*.py \
	  tests/lab/access_graph/test_adopt_on_the_lab.py
	@$(BIN)/python -m pytest --conformance --plugins kubernetes=official tests/lab/library tests/lab/examples tests/lab/test_scenarios.py \
	  tests/lab/test_environment*.py tests/lab/test_new_cluster.py tests/lab/test_stored_states.py \
	  tests/lab/test_component_package.py tests/lab/test_typescript.py tests/lab/test_yaml.py

soak: setup ## Run the fault tests in full; the results belong into docs/soak.md
	@$(BIN)/python -m lab.tools
	@$(BIN)/python -m pytest --soak tests/lab/faults tests/hostile tests/lab/access_graph/test_faults_of_reads.py \
	  tests/lab/test_typescript.py::test_typescript_reports_hostile_values

format: setup ## Fix and format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

schema: setup ## Write the committed schemas, the reference, and the generated parts of the documentation
	$(BIN)/python -m stacks.settings.schema
	$(BIN)/python -W ignore -m eks_identity.plugin.schema components/schema.json
	$(BIN)/python -W ignore -m eks_identity.plugin.reference > docs/reference.md
	$(BIN)/python -m lab.cloud.services.page > docs/lab-services.md
	$(BIN)/python -W ignore docs/footnotes.py
	$(BIN)/python -W ignore docs/shown_output.py
	$(BIN)/python docs/findings.py
	$(BIN)/python docs/access_picture.py
	$(BIN)/python docs/policies.py
	$(BIN)/python docs/pipeline_schemas.py

DOCS := .docs/venv/.installed
# The URL of the repository, for links from the site to code and tests; without a remote they lead to this checkout.
REPOSITORY ?= $(shell git remote get-url origin 2>/dev/null || echo file://$(CURDIR))
REVISION ?= main

docs: $(DOCS) ## Build the documentation site in .docs/site; broken links are errors
	@.docs/venv/bin/python docs/site.py .docs "$(REPOSITORY)" "$(REVISION)"
	@cd .docs && venv/bin/zensical build --clean --strict
	@! grep -rlE '<(script|img|source|link rel="(stylesheet|preload|icon)")[^>]* (src|href|srcset)="(https?:)?//' .docs/site --include='*.html' || \
	  { echo "error: the pages above load files of other hosts" >&2; exit 1; }

$(DOCS): requirements-docs.txt
	$(PYTHON) -m venv .docs/venv
	.docs/venv/bin/python -m pip install --disable-pip-version-check --progress-bar off --quiet --require-hashes -r requirements-docs.txt
	@touch $@

dist: setup ## Build the wheels of the component library, of eks-access, of the policy pack and of eks-pipeline in dist/
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist components
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist access_graph
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist policies
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist pipeline

# Every package has hashes, except the project's own distribution.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

lock: setup ## Update the locks from the requirements files
	$(BIN)/$(COMPILE) requirements-lab.txt --no-emit-package eks-identity --no-emit-package eks-access --no-emit-package eks-policies --no-emit-package eks-pipeline --output-file requirements.lock
	echo uv | $(BIN)/$(COMPILE) - --no-annotate --output-file requirements-uv.txt
	echo zensical | $(BIN)/$(COMPILE) - --no-annotate --output-file requirements-docs.txt

managed-policies: setup ## Write the AWS-managed policies of eks-access from the data of moto
	$(BIN)/python docs/managed_policies.py

outdated: setup ## List pinned versions that are older than a year
	@$(BIN)/python -m lab.tools.outdated

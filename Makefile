# Two commands: `make run` serves from this folder, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run demo screenshot test test-cluster test-dataset torture large fuzz bench bench-growth bench-closing soak check format lock audit clean install uninstall

# Neither a setting of pip's nor a variable of the shell's puts packages elsewhere than into the environment.
override export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH

run: $(VENV)/.run
	@echo "The command is $(CURDIR)/$(BIN)/telemetry"
	$(BIN)/telemetry serve $(ARGS)

# Sixty simulated days up to yesterday, made once a day, and a service over them that publishes as production does.
DEMO := build/demo/$(shell date -u +%F)
demo: $(VENV)/.run
	@$(BIN)/telemetry serve --check --environment demo --data-dir $(DEMO)/data $(ARGS) >/dev/null || \
		{ echo 'ARGS has flags of the service, such as: make demo ARGS="--port 8080"' >&2; exit 1; }
	test -e $(DEMO)/made || { rm -rf build/demo && \
		$(BIN)/telemetry simulate --environment demo --days 60 --installations 800 --data-dir $(DEMO)/data && touch $(DEMO)/made; }
	$(BIN)/telemetry serve --environment demo --data-dir $(DEMO)/data $(ARGS)

# The pictures of the README, from what `make demo` serves; needs chromium.
URL ?= http://127.0.0.1:8787
screenshot: $(VENV)/.test
	$(BIN)/python -m tests.support.screenshot $(URL)

# One process more than there are cores: a quarter of the time all wait for other processes. COVERAGE=1 measures branches,
# those of server processes too, and fails below 95 %; that takes twice as long, has no process more, and .ci/run does it.
WORKERS ?= $(if $(COVERAGE),auto,$(shell expr $$(nproc) + 1))
COVERAGE ?=
SHORT := -m "not torture and not large and not dataset and not cluster" -n $(WORKERS) --dist worksteal
test: $(VENV)/.test $(VENV)/.api
ifeq ($(COVERAGE),)
	$(BIN)/pytest $(SHORT) $(ARGS)
else
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(SHORT) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
endif

# Loads an exported data set with the programs that people load data sets with. Takes 15 s of CPU time; the first
# time some minutes more, for 1 GB of packages.
test-dataset: $(VENV)/.test $(VENV)/.dataset
	$(BIN)/pytest -m dataset tests/dataset $(ARGS)

# Every fault case, in its short and its long forms. TORTURE_SEED chooses what is random, the date does
# if it is not given; the table also goes to build/torture/torture.md.
torture: $(VENV)/.test $(VENV)/.fuzz
	$(BIN)/pytest --torture -m "case or torture" $(ARGS)

# What holds for ten million events too.
large: $(VENV)/.test
	$(BIN)/pytest -m large $(ARGS)

# Forwarding to real ClickHouse servers, two shards of two with ZooKeeper: needs Debian's clickhouse-server and zookeeper.
test-cluster: $(VENV)/.test $(VENV)/.cluster
	$(BIN)/pytest -m cluster $(ARGS)

# Looks for inputs that break a promise, FUZZ_SECONDS for each of two targets; make torture does so for half a minute.
FUZZ_SECONDS ?= 1800
fuzz: $(VENV)/.test $(VENV)/.fuzz
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/pytest tests/test_fuzz.py $(ARGS)

# The service beside four baselines and a peer, and readers beside ingest; needs wrk. Results go to build/bench.
bench: $(VENV)/.test $(VENV)/.peer
	$(BIN)/python -m tests.bench full $(ARGS)

bench-growth: $(VENV)/.test
	$(BIN)/python -m tests.bench growth $(ARGS)

# What making public numbers costs. Four weeks of a million events a day: ARGS="--daily 1000000".
bench-closing: $(VENV)/.test
	$(BIN)/python -m tests.bench closing $(ARGS)

soak: $(VENV)/.test
	$(BIN)/python -m tests.bench soak $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

# Resolves the newest versions that setup.cfg allows, for every Python from 3.11 on, with the hash of every file.
lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --extra build setup.cfg --output-file requirements.txt
	$(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --extra build --extra test --constraint requirements.txt setup.cfg \
		--output-file tests/requirements.txt
	$(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --extra api --constraint requirements.txt setup.cfg \
		--output-file tests/api-requirements.txt
	$(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --extra dataset --constraint requirements.txt setup.cfg \
		--output-file tests/dataset-requirements.txt
	echo "pyarrow == 21.0.0" | $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" - --output-file tests/oldest-pyarrow-requirements.txt
	grep chdb-core setup.cfg | $(VENV)/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-deps --custom-compile-command "make lock" - --output-file tests/cluster-requirements.txt

# Whether the registry still serves the files that are pinned, and what is known to be wrong with them.
audit:
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/pip install --quiet pip-audit
	$(VENV)/audit/bin/pip download --quiet --no-deps --require-hashes --dest $(VENV)/audit/files \
		--requirement requirements.txt
	$(VENV)/audit/bin/pip-audit --disable-pip --require-hashes --requirement requirements.txt

# As root. ENV names the instance, PORT its port, EXTRAS what the release has besides; upgrading is the same command again.
install:
	@ENV="$(ENV)" PORT="$(PORT)" EXTRAS="$(EXTRAS)" PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" PYTHON="$(PYTHON)" \
		systemd/install.sh

uninstall:
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" systemd/uninstall.sh

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Whether the environment works where it is: with a Python that is not too old, packages of that Python, pip, and programs
# that name this folder. A PYTHON= that is given has to be the Python that the environment was made with.
define IS_SOUND
import os, sys, pip
here, given = os.path.realpath(sys.argv[1]), sys.argv[2]
with open(os.path.join(sys.argv[1], "bin", "pip")) as program:
    text = program.read()
made_with = os.path.realpath(sys._base_executable)
sys.exit(not (
    sys.version_info >= (3, 11)
    and os.path.realpath(sys.prefix) == here
    and (here in text or os.path.abspath(sys.argv[1]) in text)
    and given in ("", made_with)
))
endef
export IS_SOUND
GIVEN := $(if $(filter file,$(origin PYTHON)),,$(PYTHON))

.PHONY: always
always:

# A new one has a new stamp; what was installed into the old one is then installed again.
$(VENV)/.python: always
	@given=""; [ -z "$(GIVEN)" ] || { command -v "$(GIVEN)" >/dev/null || \
		{ echo "There is no program $(GIVEN): give one, as with PYTHON=python3.12" >&2; exit 1; }; \
		given=$$("$(GIVEN)" -c 'import os, sys; print(os.path.realpath(getattr(sys, "_base_executable", "")))'); }; \
	if $(BIN)/python -I -c "$$IS_SOUND" "$(VENV)" "$$given" 2>/dev/null; then \
		[ -e $@ ] || touch -t 200001010000 $@; \
	else \
		"$(PYTHON)" systemd/check_python.py && \
		{ [ ! -e $(VENV) ] || echo "The environment $(VENV) is of another Python or place, or broken: making it again"; } && \
		rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV) && touch $@; \
	fi

# The stamps make an environment anew only when what it is made from has changed.
$(VENV)/.run: requirements.txt setup.cfg pyproject.toml $(VENV)/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.test: tests/requirements.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.txt
	touch $@

# Programs that read the API: apart, because they and the tests want other versions of the same packages.
$(VENV)/.api: tests/api-requirements.txt $(VENV)/.python
	$(PYTHON) -m venv $(VENV)/api
	$(VENV)/api/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

# Programs that load data sets, and beside them the oldest pyarrow that setup.cfg allows, for a process that is told so.
$(VENV)/.dataset: tests/dataset-requirements.txt tests/oldest-pyarrow-requirements.txt $(VENV)/.python
	$(PYTHON) -m venv $(VENV)/dataset
	$(VENV)/dataset/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	rm -rf $(VENV)/dataset/oldest
	$(VENV)/dataset/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--target $(VENV)/dataset/oldest --requirement tests/oldest-pyarrow-requirements.txt
	touch $@

# The current engine of ClickHouse, in a process: apart, because it is 530 MB. What else it names is for data frames.
$(VENV)/.cluster: tests/cluster-requirements.txt $(VENV)/.python
	$(PYTHON) -m venv $(VENV)/cluster
	$(VENV)/cluster/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	touch $@

# The peer of the benchmark: Fastify and, on x86-64, a Node.js of its own, 200 MB. Without npm it is left out.
$(VENV)/.peer: tests/bench/node/package-lock.json $(VENV)/.python
	mkdir -p $(VENV)/peer
	cp tests/bench/node/package.json tests/bench/node/package-lock.json $(VENV)/peer
	-cd $(VENV)/peer && npm ci --silent --ignore-scripts --no-audit --no-fund
	touch $@

# Without a wheel for this machine the searches are skipped.
$(VENV)/.fuzz: $(VENV)/.test
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary atheris --no-build-isolation --editable '.[fuzz]'
	touch $@

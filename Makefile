# The commands that a newcomer needs. They require only Python 3.11+, git and make.
#
#   make run                 set up what is missing, then run the platform in the foreground
#   make test                run the tests                   (ARGS="tests/eventlane -k postgres" for a part of them)
#   make test-fast           the same without the slow tests
#   make drills              run the tests that `make test` leaves out: drills, published clients, random calls of the API
#   make coverage            test-fast, and which lines it never reaches
#   make nightly             property tests with many more examples, Explore with ten million events, and drills for an
#                            hour or two
#   make lint                format, style, types and import rules
#   make format              fix what the linter can, and format
#   make lock                update the locks after a change to requirements*.txt
#   make bench               measure the speed of this machine (ARGS="--help" for more)
#   make clean               remove .venv and caches; what the platform wrote (.eventlane/) stays

.POSIX:
.PHONY: run test test-fast drills coverage nightly lint format lock bench clean
.DEFAULT_GOAL := run

PYTHON ?=
ARGS ?=
VENV := .venv
IN_VENV := $(VENV)/bin/python

# Each line runs in one shell and ends in `exec`, so a signal reaches the program itself and its exit status is ours.
# The tests start hundreds of interpreters, each a seventh slower where our modules may not be kept compiled.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(IN_VENV) -m pytest
# A process that is lost ends the run: with another in its place, pytest-xdist may wait for ever for tests that it lost.
AT_ONCE := --dist loadfile --no-loadscope-reorder --max-worker-restart=0
TWO_AT_ONCE := -n 2 $(AT_ONCE)
SET_UP := PYTHON="$(PYTHON)" VENV="$(VENV)" sh .ci/set-up

run:
	@$(SET_UP) requirements.txt && exec $(IN_VENV) manage.py up

# The fast tests, two at a time; then the slow ones, three at a time, since a quarter of their time is waiting; then one at a
# time those that measure time or memory. AGAIN=yes runs a few tests that failed a second time.
AGAIN ?=
TWICE = $(if $(AGAIN),sh .ci/once-more)
SLOW_AT_ONCE ?= 3
test:
	@$(SET_UP) requirements-dev.txt || exit 1; \
	if [ -n "$(ARGS)" ]; then exec $(PYTEST) $(ARGS); fi; \
	$(TWICE) $(PYTEST) -m "not slow" $(TWO_AT_ONCE) && \
	$(TWICE) $(PYTEST) -m "slow and not alone and not drill" -n $(SLOW_AT_ONCE) $(AT_ONCE) --durations=10 && \
	exec $(TWICE) $(PYTEST) -m alone --durations=10

test-fast:
	@$(SET_UP) requirements-dev.txt && exec $(PYTEST) -m "not slow" $(TWO_AT_ONCE) $(ARGS)

drills:
	@$(SET_UP) requirements-dev.txt && exec $(TWICE) $(PYTEST) -m drill $(TWO_AT_ONCE) --durations=10 $(ARGS)

# Of the fast tests alone: counting nearly doubles the time, and sees nothing of the processes that slow tests start.
LINES := --cov --cov-report=term:skip-covered --cov-fail-under=75
coverage:
	@$(SET_UP) requirements-dev.txt && exec $(TWICE) $(PYTEST) -m "not slow" $(TWO_AT_ONCE) $(LINES) $(ARGS)

nightly:
	@$(SET_UP) requirements-dev.txt || exit 1; \
	$(PYTEST) -m "property or nightly" --hypothesis-profile=nightly --timeout=7200 $(ARGS) && exec $(IN_VENV) manage.py drill --rounds 20

lint:
	@$(SET_UP) requirements-dev.txt
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .
	$(IN_VENV) -m mypy
	PYTHONPATH=platform:. $(VENV)/bin/lint-imports

format:
	@$(SET_UP) requirements-dev.txt
	$(IN_VENV) -m ruff check --fix .
	$(IN_VENV) -m ruff format .

# The second lock takes the versions of the first, so that the tested versions are those that run.
LOCK := $(IN_VENV) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

lock:
	@$(SET_UP) requirements-dev.txt
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) requirements-dev.txt -c requirements.lock -o requirements-dev.lock

bench:
	@$(SET_UP) requirements.txt && exec $(IN_VENV) -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) .coverage .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

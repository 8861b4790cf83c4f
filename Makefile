# make demo   opens the gallery on http://127.0.0.1:7860
# make test   runs every check and test
# Both set up .venv first, with the versions pinned in constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
PINNED := -c constraints.txt -e

.PHONY: demo test lint lint-js bench clean

demo: .venv/demo.done
	$(BIN)/python demo/app.py

test: .venv/test.done lint
	$(BIN)/python -m pytest -q -rs

lint: .venv/test.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy gengallery scripts demo

# Fetches both by npm, at these versions.
lint-js:
	@command -v npx >/dev/null || { echo "make lint-js: npx is not here; install Node.js 20 or newer, which brings npm and npx (nodejs.org)" >&2; exit 2; }
	npx -y @biomejs/biome@2.6.8 lint --config-path=.ci --error-on-warnings $$(find demo -name '*.js')
	npx -y -p typescript@5.9.3 tsc -p .ci/jsconfig.json

bench: .venv/demo.done
	$(BIN)/python scripts/bench.py

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gengallery needs Python 3.11 or newer, found " + sys.version.split()[0] + "; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/demo.done: .venv/made pyproject.toml constraints.txt
	$(BIN)/pip install -q $(PINNED) '.[demo]'
	touch $@

.venv/test.done: .venv/made pyproject.toml constraints.txt
	$(BIN)/pip install -q $(PINNED) '.[demo,test]'
	touch $@ .venv/demo.done

clean:
	rm -rf .venv

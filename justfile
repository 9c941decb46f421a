# Development commands; `just` lists them. They use the active Python environment (pip install -e '.[dev]').

_list:
    @just --list --unsorted

# the ordinary test suite
test *ARGS:
    pytest -q {{ARGS}}

# the long tests
slow *ARGS:
    pytest -q -m slow {{ARGS}}

# formatting, lints and types
lint:
    ruff check .
    ruff format --check .
    mypy

# docs/cli.md and docs/api.md, from the code
docs:
    python -m tools.write_docs

# start-up and pipeline costs on this machine, as JSON lines
bench:
    python benchmarks/startup.py
    rtm bench --pipeline demo

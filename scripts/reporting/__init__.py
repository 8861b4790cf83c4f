"""The report made again: what `scripts/report.py` measures, draws and writes.

`contents` holds what the report has: its experiments, tables and figures, and its own numbers. `experiments` says which
models stand for them, `measure` measures these, `pictures` draws them, and `pages` writes the two pages with the
words of `texts/`.
"""

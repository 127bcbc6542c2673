"""Measures what the README promises: `make bench NAME=...`, which is `python -m tests.bench ...`."""

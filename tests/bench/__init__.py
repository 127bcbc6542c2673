"""Measures what the README promises: `python -m tests.bench demo|ingest` (or `make bench NAME=...`)."""

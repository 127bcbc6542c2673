"""Tests, from pure functions to a whole cluster."""

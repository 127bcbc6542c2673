"""Clients of the embedding service and of the language model service."""

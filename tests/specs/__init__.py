"""Specs of RagPipelines by what the schema of the resource says, for unit tests and for a real API server."""

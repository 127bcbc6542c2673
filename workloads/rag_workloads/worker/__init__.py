"""Turns uploaded documents into batches of chunks: from the ingest queue to the embed queue."""

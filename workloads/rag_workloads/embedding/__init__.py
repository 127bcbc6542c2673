"""Embeds: batches from the queue into the vector store, and queries over HTTP ahead of them."""

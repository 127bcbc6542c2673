"""The HTTP API: documents go in, questions come back as streamed answers with page citations."""

"""The language model service: one small contract in front of any OpenAI-compatible server."""

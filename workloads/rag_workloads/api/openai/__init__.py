"""The pipeline as a model of OpenAI's protocol, for clients that speak nothing else."""

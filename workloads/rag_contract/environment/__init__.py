"""The environment of each process: what the operator's builders write is what the process reads."""

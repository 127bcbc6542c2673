"""What every HTTP service has: problems, metrics, probes, streams, logs, settings."""

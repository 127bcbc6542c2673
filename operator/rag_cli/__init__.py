"""The command line of pipelines: `ragpipeline`, or `kubectl ragpipeline`."""

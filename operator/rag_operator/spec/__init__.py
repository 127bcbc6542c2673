"""The parts of a RagPipeline's spec, each as frozen models with their texts, defaults, bounds and rules."""

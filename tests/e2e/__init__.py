"""The demo's path on a real cluster, with assertions."""

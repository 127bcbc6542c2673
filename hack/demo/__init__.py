"""The demo: from an empty machine, or the user's own cluster, to answered questions and pods that scale."""

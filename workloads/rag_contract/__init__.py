"""What the operator and the workloads both know, once."""

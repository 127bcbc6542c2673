"""What the operator and the workloads both know, once. It imports pydantic and nothing else."""

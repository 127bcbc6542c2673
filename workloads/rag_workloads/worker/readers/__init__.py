"""Readers of the types of files: each makes blocks of what people see."""

"""What becomes of pipelines when the operator or the API server fails: one fault a trial, and a table."""

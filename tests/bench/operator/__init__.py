"""What hundreds of pipelines cost the operator, on a real control plane whose pods kwok holds."""

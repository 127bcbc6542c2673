"""`python -m rag_workloads.embedding`."""

from rag_workloads.embedding.main import main

main()

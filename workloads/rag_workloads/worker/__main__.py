"""`python -m rag_workloads.worker`."""

# The parser's processes import this module too, under another name, and need nothing of it.
if __name__ == "__main__":
    from rag_workloads.worker.main import main

    main()

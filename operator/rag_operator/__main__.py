"""Start the operator: `python -m rag_operator`."""

from rag_operator.main import main

if __name__ == "__main__":
    main()

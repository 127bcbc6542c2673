"""`python -m rag_cli`, where the script is not on the PATH."""

from rag_cli.main import app

app(prog_name="ragpipeline")

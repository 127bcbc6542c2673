"""What a request may ask for: a query parameter that nobody knows is refused."""

from fastapi import Request

from rag_workloads.web.problems import Problem


async def only_known(request: Request) -> None:
    """A dependency: whoever misspells a filter would be shown more than is meant, or remove it."""
    operation = request.app.openapi()["paths"][request.scope["route"].path][request.method.lower()]
    known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    if unknown := request.query_params.keys() - known:
        names = f"Known are {', '.join(sorted(known))}." if known else "There are none here."
        detail = f"Unknown: {', '.join(sorted(unknown))}. {names}"
        raise Problem(422, "unknown-parameter", "A query parameter is unknown", detail)

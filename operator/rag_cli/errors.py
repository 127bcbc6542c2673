"""How a command ends: its exit codes, and what went wrong in words that are shown without a traceback."""

from collections.abc import Iterator
from enum import IntEnum
from json import JSONDecodeError
from typing import TypeVar

import httpx
from pydantic import ValidationError

Error = TypeVar("Error", bound=BaseException)


class Exit(IntEnum):
    """The exit codes; programs may rely on them."""

    WELL = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    STOPPED = 130


EXIT_CODES = (
    "Exit codes: 0 all is well; 1 something failed, such as a document or a condition; 2 the command was not "
    "understood; 3 the pipeline or its API cannot be reached; 4 it was refused (401, 403); 130 Ctrl-C."
)

AWAY = {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}
NO = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


class CliError(Exception):
    """Something that the user can read and act on, and the exit code for it."""

    def __init__(self, message: str, exit: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit = exit


# What is foreseen to go wrong; the last two with what is no API of ours.
FORESEEN = (CliError, httpx.HTTPError, ValidationError, JSONDecodeError)


def explain(error: Exception) -> CliError:
    """Return what is foreseen in words: what the API said, or that it does not answer."""
    if isinstance(error, CliError):
        return error
    if isinstance(error, ValueError):
        return CliError("What answers there is not the API of a pipeline.", Exit.UNREACHABLE)
    if not isinstance(error, httpx.HTTPStatusError):
        why = str(error) or type(error).__name__
        return CliError(f"The API cannot be reached: {why}", Exit.UNREACHABLE)
    said, status = problem(error.response), error.response.status_code
    if status in NO:
        return CliError(f"{said} Give a key with --api-key or RAGPIPELINE_API_KEY.", Exit.REFUSED)
    return CliError(said, Exit.UNREACHABLE if status in AWAY else Exit.FAILED)


def problem(answer: httpx.Response) -> str:
    """Return what an answer says of an error: its title and detail, or the status of one of somebody else."""
    try:
        body = answer.json()
        return f"{body['title']}: {body['detail']}"
    except (ValueError, LookupError, TypeError):
        return f"{answer.url} answered {answer.status_code} {answer.reason_phrase}."


def leaves(group: BaseExceptionGroup[Error]) -> Iterator[Error]:
    """Yield the errors themselves: task groups within task groups nest them."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error

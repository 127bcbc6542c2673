"""The attempts that a worker owes."""

import asyncio
from typing import cast

import pytest
from redis.exceptions import ConnectionError, ResponseError

from rag_workloads.library.lifecycle import Library
from rag_workloads.worker.attempts import Attempt, Attempts

FIRST, SECOND = Attempt("first", "a"), Attempt("second", "b")


class GivenBack:
    """Keeps what is given back; raises what it has for a document instead."""

    def __init__(self) -> None:
        self.errors: dict[str, BaseException] = {}
        self.given: list[Attempt] = []

    async def give_back(self, document_id: str, token: str) -> None:
        if error := self.errors.get(document_id):
            raise error
        self.given.append(Attempt(document_id, token))


@pytest.fixture
def library() -> GivenBack:
    return GivenBack()


@pytest.fixture
def attempts(library: GivenBack) -> Attempts:
    return Attempts(cast(Library, library))


@pytest.mark.parametrize("error", [ConnectionError("away"), asyncio.CancelledError()])
async def test_what_could_not_be_given_back_is_owed_until_it_is(
    attempts: Attempts, library: GivenBack, error: BaseException
) -> None:
    library.errors = {"first": error}
    for _ in range(2):
        with pytest.raises(type(error)):
            await attempts.give_back(FIRST)
    library.errors = {}
    await attempts.give_back(SECOND)
    assert sorted(library.given) == [FIRST, SECOND]
    await attempts.settle()
    assert len(library.given) == 2, "nothing is owed any more"


async def test_one_that_can_never_be_given_back_keeps_no_other(
    attempts: Attempts, library: GivenBack
) -> None:
    library.errors = {"first": ResponseError("WRONGTYPE")}
    await attempts.give_back(FIRST)
    await attempts.give_back(SECOND)
    assert library.given == [SECOND]

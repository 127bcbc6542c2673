"""Lists of more documents than a page has, through the API: each shows what it must, once and in order."""

import httpx
from tests.integration.api_process import lone_api
from tests.integration.conftest import PIPELINE
from tests.lists import DOCUMENTS, PAGE, STATES, every_list, fill, read_list
from tests.patience import PATIENCE_SECONDS

from rag_workloads.library.records import Records

COUNT = 2000


async def test_every_list_is_read_to_its_end(records: Records, redis_server: str) -> None:
    await fill(records, COUNT)
    with lone_api(PIPELINE=PIPELINE, REDIS_URL=redis_server, STORAGE_URL="memory:///") as url:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as api:
            for name, wanted in (await every_list(api, COUNT)).items():
                assert len(wanted.numbers) > PAGE, name
                assert (await read_list(api, wanted)).numbers == wanted.numbers, name
            page = (await api.get(DOCUMENTS)).json()
    assert page["total"] == COUNT
    assert page["counts"] == dict.fromkeys(STATES, COUNT // len(STATES))

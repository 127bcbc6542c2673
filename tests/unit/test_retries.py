from rag_workloads.embedding.consumer import retry_seconds


def test_the_pause_before_a_retry_grows_up_to_three_minutes() -> None:
    assert [retry_seconds(failures) for failures in (1, 2, 3, 4, 10)] == [5, 30, 180, 180, 180]

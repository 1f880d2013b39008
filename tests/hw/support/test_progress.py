"""Counting the steps of several threads."""

from concurrent.futures import ThreadPoolExecutor

from captwin.hw.support.progress import StepCounter


def test_no_step_is_lost_and_none_is_told_twice() -> None:
    heard: list[tuple[str, int, int]] = []
    counter = StepCounter(lambda *step: heard.append(step), "images", 300)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(counter.add, [3] * 100))
    assert heard == [("images", done, 300) for done in range(3, 301, 3)]

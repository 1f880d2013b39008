"""Two verbs in one folder: the second is refused, whatever the first does there."""

import pytest

from captwin.hw.support.locks import locked_folder

VERBS = [
    ("fabricate", "digits-tiny", "--count", "1"),
    ("fidelity", "digits-tiny", "--images", "1", "--neurons", "1"),
    ("build", "digits-tiny", "--board", "icebreaker"),
    ("demo",),
]


@pytest.mark.parametrize("words", VERBS, ids=[words[0] for words in VERBS])
def test_the_second_is_refused(captwin, tmp_path, words):
    folder = tmp_path / "work"
    folder.mkdir()
    with locked_folder(folder):
        before = sorted(tmp_path.rglob("*"))
        status, out, err = captwin(*words, "-o", "work")
        assert (status, out) == (1, "") and "another captwin works in this folder" in err
        assert sorted(tmp_path.rglob("*")) == before

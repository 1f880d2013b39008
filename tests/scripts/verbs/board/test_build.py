"""``captwin build``: what it says of cores that a board cannot have, before anything is made."""

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("digits", "--board", "ulx3s-85f", "--real-time"), "powers of two alone; train a chip for real time"),
        (("mnist-realtime", "--board", "icebreaker", "--real-time"), "a real-time core of this network takes about"),
        (("digits-realtime", "--board", "ulx3s-85f", "--real-time", "--loadable"), "a real-time core is one chip"),
        (("digits-realtime", "--board", "ulx3s-85f", "--real-time", "--serial"), "a core has one kind of layers"),
        (("mnist-small", "--board", "icebreaker"), "a 784-96-10 core takes"),
    ],
)
def test_mistakes(captwin, tmp_path, arguments, told):
    status, out, err = captwin("build", *arguments, "-o", "made")
    assert (status, out, err.count("\n")) == (1, "", 1) and told in err
    assert not (tmp_path / "made").exists()


@pytest.mark.proof
def test_a_real_time_core(captwin):
    """Of the smallest chip for it: it meets the board's clock, and its memory holds images for the self-test."""
    status, out, _ = captwin("build", "digits-realtime", "--board", "ulx3s-85f", "--real-time", "--json")
    told = json.loads(out)
    assert status == 0 and "--real-time" in told["options"] and max(told["reached_hz"]) >= 100e6
    # 15 for 30 neurons, 1 for 64 x 8 beats of 64 bits in 36 by 512; link and queues
    assert 17 <= told["block_rams"] <= 24

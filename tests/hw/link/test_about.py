"""What a device says of itself, whatever it is, is read or refused in a sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.about import About, about_core
from captwin.hw.support.errors import CaptwinError
from tests.support.chips import random_chip

#: any JSON, the numbers and texts that programs stumble over among it
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**50) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)


def fields(options: CoreOptions) -> dict:
    chip = random_chip(3, sizes=(11, 6, 4))
    device = about_core(Core(chip, options), 1e8, 1e6)
    text = device.text(chip).whole
    assert About.read(text) == device
    return json.loads(text)


FIXED, LOADABLE = fields(CoreOptions(lanes=2, trace=True)), fields(CoreOptions(lanes=2, loadable=True))


def test_a_device_tells_of_change_events_if_it_has_them() -> None:
    options = CoreOptions(2, (1, 1), (2, 2), loadable=True, change_events=True)
    told = fields(options)
    assert told["room"]["change_events"] is True and "change_events" not in LOADABLE["room"]
    room = About.read(json.dumps(told).encode()).room
    assert room is not None and room.options == options


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Replies to IDENTIFY with a few things changed, left out or added."""
    whole = json.loads(json.dumps(draw(st.sampled_from([FIXED, LOADABLE]))))
    for _ in range(draw(st.integers(1, 3))):
        part = whole
        while True:
            name = draw(st.sampled_from(sorted(part)))
            if not isinstance(part[name], dict) or not part[name] or draw(st.booleans()):
                break
            part = part[name]
        if draw(st.booleans()):
            part[name] = draw(values)
        else:
            del part[name]
        if not whole:
            break
    text = json.dumps(whole).encode()
    return draw(st.sampled_from([text, text[:-1], text + b" \xff", b"\xef\xbb\xbf" + text, b"[" * 500 + text]))


@settings(max_examples=300, deadline=None, print_blob=True)
@given(reply=replies() | values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50))
def test_it_is_read_or_refused_in_a_sentence(reply: bytes) -> None:
    try:
        device = About.read(reply)
    except CaptwinError as error:
        assert str(error).isprintable() and len(str(error)) < 400
    else:
        assert len(device.line_sizes) >= 2 and device.baud > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sizes": "64"}, "'sizes'"),
        ({"sizes": [64, 10.5]}, r"'sizes\.1'"),
        ({"baud": 0}, "'baud'"),
        ({"images": "8"}, "'images'"),
        ({"build_id": "0123"}, "'build_id'"),
        ({"build_id": None}, "build_id, sizes and steps must all be there"),
        ({"captwin": "\x1b[2J"}, "'captwin'"),
        ({"protocol": True}, "speaks protocol True, this is 2"),
    ],
)
def test_what_is_wrong(change: dict, reason: str) -> None:
    with pytest.raises(CaptwinError, match=reason):
        About.read(json.dumps(FIXED | change).encode())

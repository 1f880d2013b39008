"""``captwin periphery``: what it replaces, and what not."""

from tests.sim.periphery.test_circuit_file import whole


def test_nothing_else_is_replaced(captwin, tmp_path):
    (tmp_path / "notes.json").write_text("{}")
    whole(circuit="yours").save(tmp_path / "yours.json")
    whole(circuit="mine").save(tmp_path / "mine.json")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for file, message in [
        ("notes.json", "notes.json: not replaced: this is no periphery; name another with --output"),
        ("yours.json", "yours.json: not replaced: it is of yours; name another with --output"),
        (
            "mine.json",
            "mine.json: not replaced: it also holds ss at -40 deg C; measure these too (--corners, --temperatures), or"
            " name another with --output",
        ),
    ]:
        status, out, err = captwin("periphery", "mine", "--corners", "tt,ff", "-o", file)
        assert (status, out, err) == (1, "", f"captwin: {message}\n")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    # One that holds what is asked for would be made again: the next mistake is told of.
    asked = ("periphery", "mine", "--corners", "tt,ss", "--temperatures", "27,-40", "-o", "mine.json")
    assert "mine: no netlist of that name" in captwin(*asked)[2]

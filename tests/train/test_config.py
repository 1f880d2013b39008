import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.circuits import load_circuit
from captwin.train.config import CONFIG_FOLDER, ConfigError, TrainConfig, config_names, load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.loop import build_network

DIGITS = load_dataset("digits")


def test_named_configurations():
    assert config_names() == [
        *(
            "digits",
            "digits-gf180",
            "digits-gf180-pass",
            "digits-realtime",
            "digits-sky130",
            "digits-small",
            "digits-tiny",
        ),
        *("mnist", "mnist-lowenergy", "mnist-realtime", "mnist-small"),
        *("study-digits", "study-mnist"),
    ]
    for name in config_names():
        config = load_config(name)
        assert config.data in name
        assert TrainConfig(**config.model_dump(mode="json")) == config


def test_overrides_merge_into_tables():
    config = load_config("digits", epochs=3, encoder={"kind": "latency"}, formats={"charge_bits": 8})
    assert config.epochs == 3
    assert config.encoder.kind == "latency" and config.encoder.steps == load_config("digits").encoder.steps
    assert config.formats.charge_bits == 8


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"epochs": 0}, "epochs: Input should be greater than or equal to 1"),
        ({"colour": 1}, "colour: unknown field; known are data,"),
        ({"data": "fashion"}, "data: Input should be 'digits' or 'mnist'"),
        ({"hidden": [0]}, "hidden.0: Input should be greater"),
        ({"hidden": [-5, 5]}, "hidden.0: Input should be greater than or equal to 1, got -5"),
        ({"hidden": [99999999]}, "hidden.0: Input should be less than or equal to 4096, got 99999999"),
        ({"hidden": [5] * 17}, "hidden: Tuple should have at most 16 items"),
        ({"circuit": "a" * 300}, "circuit: no file can be called so"),
        ({"encoder": {"steps": 0}}, "encoder.steps: Input should be greater"),
        ({"encoder": {"colour": 0}}, "encoder.colour: unknown field"),
        ({"formats": {"drive_bits": 99}}, "formats.drive_bits: Input should be less"),
        ({"formats": {"membrane_bits": 16, "membrane_fraction": 2}}, "formats: membrane_bits - membrane_fraction must"),
        ({"augmentation": {"twist": 1}}, "augmentation.twist: unknown field; known are rotation"),
        ({"distillation": {"twist": 1}}, "distillation.twist: unknown field; known are epochs"),
        ({"distillation": {"weight": 2}}, "distillation.weight: Input should be less"),
        ({"augmentation": {"elastic": -1}}, "augmentation.elastic: Input should be greater"),
        ({"levels": 1}, "levels: charge_bits = 5 holds 2 to 16 levels"),
        ({"levels": 17}, "levels: charge_bits = 5 holds 2 to 16 levels"),
        ({"ratio": 1.0}, "ratio: Input should be greater than 1"),
    ],
)
def test_bad_value_is_named_in_one_line(override, message):
    with pytest.raises(ConfigError) as caught:
        load_config("digits", **override)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert message.startswith(str(caught.value.field))


def toml_of(values):
    """TOML text of plain values; repr of numbers, lists and ASCII text is TOML too."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = [f"{key} = {value!r}" for key, value in plain.items()]
    for key, table in values.items():
        if isinstance(table, dict):
            lines += [f"[{key}]", *(f"{name} = {value!r}" for name, value in table.items())]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": [0]}, "hidden.0: Input should be greater than or equal to 1, got 0"),
        ({"hidden": "64"}, "hidden: Input should be a valid tuple, got '64'"),
        ({"encoder": {"steps": 0}}, "encoder.steps: Input should be greater"),
        ({"encoder": [1]}, "encoder: "),
        ({"formats": 5}, "formats: "),
        ({"data": {"name": "digits"}}, "data: Input should be 'digits' or 'mnist'"),
        ({"batch_size": "20"}, "batch_size: Input should be a valid integer, got '20'"),
        ({"hidden": ["64"]}, "hidden.0: Input should be a valid integer, got '64'"),
        ({"augmentation": {"shift": "1"}}, "augmentation.shift: Input should be a valid number, got '1'"),
        ({"circuit": 7}, "circuit: Input should be a valid string, got 7"),
        ({"batch_size": 10**30}, "batch_size: Input should be less"),
    ],
)
def test_a_bad_value_of_a_file_names_file_and_field(change, message, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(toml_of({"data": "digits", "hidden": [4]} | change))
    with pytest.raises(ConfigError) as caught:
        load_config(path, epochs=3)
    assert str(caught.value).startswith(f"{path}: {message}") and "\n" not in str(caught.value)
    assert caught.value.field is None


def test_a_tables_path_is_relative_to_the_configuration(tmp_path, monkeypatch):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/own.toml").write_text('data = "digits"\nhidden = [4]\ncircuit = "table.json"')
    monkeypatch.chdir(tmp_path)
    assert load_config("lab/own.toml").circuit == "lab/table.json"
    assert load_config(tmp_path / "lab/own.toml").circuit == str(tmp_path / "lab/table.json")
    assert load_config("lab/own.toml", circuit="table.json").circuit == "table.json"
    assert load_config("lab/own.toml", circuit="charge_share").circuit == "charge_share"


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    (tmp_path / "own.toml").write_bytes(b'\xef\xbb\xbfdata = "digits"\nhidden = [4]')
    assert load_config(tmp_path / "own.toml").hidden == (4,)


BAD_TEXT = [
    "1" * 5000,
    "[" * 5000,
    "{a=" * 500,
    "1e400",
    "1e308",
    "-1e308",
    "nan",
    "'\x1b[31m'",
    "1979-05-27",
    "0xfffffff",
]
FIELDS = [
    "hidden",
    "epochs",
    "learning_rate",
    "circuit",
    "levels",
    "seed",
    "encoder",
    "data",
    '"\\u001b[31m"',
    "v_read",
]
#: What may stand at a field: of all types that TOML has, near its limits and far beyond.
VALUES = st.one_of(
    st.sampled_from(BAD_TEXT),
    st.integers(-(1 << 65), 1 << 65).map(str),
    st.floats().map(str),
    st.text(st.characters(codec="utf-8"), max_size=300).map(lambda text: json.dumps(text)),
    st.lists(st.integers(-2, 5000), max_size=20).map(str),
    st.sampled_from(["true", "[]", "{}", "[[]]", "{steps = -1}", "{kind = 3}", "{drive_bits = 1e9}", '["a"]']),
)
TABLES = ["", "[encoder]", "[formats]", "[augmentation]", "[distillation]", "[unknown]"]
NAMES = [
    *TrainConfig.model_fields,
    "steps",
    "kind",
    "phase",
    "drive_bits",
    "membrane_fraction",
    "elastic",
    "temperature",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(TABLES), st.sampled_from(NAMES + FIELDS), VALUES), min_size=1, max_size=3),
    st.booleans(),
)
def test_any_configuration_is_read_or_refused_in_one_line(tmp_path, lines, whole):
    text = 'data = "digits"\nhidden = [4]\n' * whole + "".join(f"{t}\n{n} = {v}\n" for t, n, v in sorted(lines))
    path = tmp_path / "own.toml"
    path.write_text(text)
    _read_or_refuse(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_configuration_with_bytes_changed_is_read_or_refused_in_one_line(tmp_path, data):
    content = bytearray((CONFIG_FOLDER / "digits.toml").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "own.toml"
    path.write_bytes(bytes(content))
    _read_or_refuse(path)


def _read_or_refuse(path):
    """What can be read can also be made a network and a chip, or is refused with a reason."""
    try:
        config = load_config(path)
        config = config.model_copy(update={"hidden": tuple(min(size, 8) for size in config.hidden)})
        build_network(config, DIGITS, load_circuit(config.circuit)).to_chip()
    except CaptwinError as error:
        text = str(error)
        assert text.isprintable() and len(text) < 1500, text


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(
        ConfigError, match="no such configuration file; the configurations with a name are digits, digits-gf180,"
    ):
        load_config(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("epochs = = 3")
    with pytest.raises(ConfigError, match=r"broken\.toml: not TOML text"):
        load_config(tmp_path / "broken.toml")
    (tmp_path / "short.toml").write_text("epochs = 3")
    with pytest.raises(ConfigError, match=r"short\.toml: data: Field required"):
        load_config(tmp_path / "short.toml")

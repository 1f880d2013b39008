import pytest

from train.config import ConfigError, TrainConfig, config_names, load_config


def test_named_configurations():
    assert config_names() == [
        *("digits", "digits-small", "digits-tiny"),
        *("mnist", "mnist-lowenergy", "mnist-small"),
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
        ({"encoder": {"steps": 0}}, "encoder: steps: Input should be greater"),
        ({"encoder": {"colour": 0}}, "encoder: colour: unknown field"),
        ({"formats": {"drive_bits": 99}}, "formats: drive_bits: Input should be less"),
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
    assert f"digits.toml: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(
        ConfigError, match="no such configuration file; the configurations with a name are digits, digits-small,"
    ):
        load_config(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("epochs = = 3")
    with pytest.raises(ConfigError, match=r"broken\.toml: not a TOML file"):
        load_config(tmp_path / "broken.toml")
    (tmp_path / "short.toml").write_text("epochs = 3")
    with pytest.raises(ConfigError, match=r"short\.toml: data: Field required"):
        load_config(tmp_path / "short.toml")

"""The table of configuration fields in docs/training.md, which is written from the class."""

from captwin.scripts.development.config_table import config_table, with_table
from captwin.train.config import Augmentation, Direct, Distillation, TrainConfig
from tests.support.paths import DOCS


def test_the_page_has_the_present_table():
    page = (DOCS / "training.md").read_text()
    assert page == with_table(page), "run: .venv/bin/python -m captwin.scripts.development.config_table"


def test_every_field_is_described():
    table = config_table()
    tables = ((TrainConfig, ""), (Augmentation, "augmentation."), (Distillation, "distillation."), (Direct, "direct."))
    for model, prefix in tables:
        for name, field in model.model_fields.items():
            assert field.description and f"| `{prefix}{name}` |" in table

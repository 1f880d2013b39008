"""Which test images the chip gets right, class by class."""

import numpy as np
from sklearn.metrics import confusion_matrix

from captwin.scripts.page.blocks import Cell, Section, Table
from captwin.scripts.page.measured import Measured


def section(measured: Measured) -> Section:
    """Confusion matrix, recall and precision, of the golden model over the whole test set."""
    labels, answered = measured.dataset.test_labels, measured.golden.labels
    classes = np.arange(measured.chip.classes)
    matrix = confusion_matrix(labels, answered, labels=classes)
    right, total = int(np.trace(matrix)), len(labels)
    images, named = matrix.sum(axis=1), matrix.sum(axis=0)
    worst = matrix * (1 - np.eye(len(classes), dtype=int))
    rows: list[tuple[Cell | str, ...]] = [
        (
            f"{actual}",
            *(_cell(int(matrix[actual, guess]), int(images[actual]), actual != guess) for guess in classes),
            f"{images[actual]:,}",
            _percent(int(matrix[actual, actual]), int(images[actual])),
        )
        for actual in classes
    ]
    precision = (_percent(int(matrix[guess, guess]), int(named[guess])) for guess in classes)
    rows.append(("precision [%]", *precision, f"{total:,}", f"{100 * right / total:.2f}"))
    lead = f"{right:,} of {total:,} {measured.dataset.name} test images are classified correctly, "
    lead += f"{100 * right / total:.2f} %."
    if worst.any():
        actual, guess = np.unravel_index(int(worst.argmax()), worst.shape)
        lead += f" The most frequent error: {actual} read as {guess}, {worst.max()} times."
    head = ("actual class", *(f">{guess}" for guess in classes), ">images", ">recall [%]")
    caption = "Golden model, whole test set: images by actual class (rows) and predicted class (columns)."
    return Section("accuracy", "Accuracy", lead, [Table(head, rows, caption, grid=True)])


def _cell(number: int, images: int, wrong: bool) -> Cell:
    return Cell(f"{number:,}" if number else "·", heat=number / images if images else 0.0, wrong=wrong)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "none"

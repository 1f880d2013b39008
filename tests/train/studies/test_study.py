import csv
import io
from collections import Counter
from pathlib import Path

import pytest

from captwin.sim.neurons.circuits import circuit_names
from captwin.train.studies import study
from captwin.train.studies.picture import draw_study
from captwin.train.studies.study import Case, Outcome, cases, to_csv


def test_every_factor_is_varied_from_the_base() -> None:
    all_cases = list(cases(("one", "other"), seeds=2))
    assert len(set(all_cases)) == len(all_cases)
    for seed in (1, 2):
        for circuit in ("one", "other"):
            ours = [case for case in all_cases if (case.seed, case.circuit) == (seed, circuit)]
            assert {case.levels for case in ours} == {2, 4, 8, 16}
            assert {case.ratio for case in ours} == {2.0, 10.0, 100.0}
            assert Counter(case.trained for case in ours) == {"ideal": 12, "aware": 12, "aware of spread": 6}
            assert all(case.levels == 16 or case.ratio == 10 for case in ours)


def test_without_sweeps_the_base_alone_is_left() -> None:
    few = list(cases(("one",), seeds=1, sweeps=False))
    assert [(case.mapping, case.trained) for case in few] == [
        (mapping, trained) for mapping in ("complementary", "one_sided") for trained in ("ideal", "aware")
    ]
    assert all(case.is_base for case in few)


@pytest.mark.proof
def test_study_measures_keeps_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = circuit_names()[0]
    few = [Case(circuit, "one_sided", trained, 1) for trained in ("ideal", "aware")]
    monkeypatch.setattr(study, "cases", lambda circuits, seeds, sweeps: iter(few))
    seen: list[tuple[int, int]] = []
    outcomes = study.study(
        "digits", (circuit,), 1, tmp_path, epochs=2, progress=lambda what, done, total: seen.append((done, total))
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert [(o.trained, o.run_on, o.sigma_c) for o in outcomes] == [
        ("ideal", "ideal twin", 0.0),
        *(("ideal", "circuit", sigma) for sigma in study.SIGMAS),
        *(("aware", "circuit", sigma) for sigma in study.SIGMAS),
    ]
    assert all(0.3 < o.accuracy < 1 for o in outcomes if o.sigma_c == 0)
    seen.clear()
    assert outcomes == study.study(
        "digits", (circuit,), 1, tmp_path, epochs=2, progress=lambda what, done, total: seen.append((done, total))
    )
    assert seen == [(2, 2)]
    ideal = next(path for path in tmp_path.iterdir() if '"ideal"' in path.read_text())
    whole = ideal.read_bytes()
    for damaged in (whole.replace(b"ideal twin", b"circuit"), whole[:100], b"[]", whole.replace(b"0.", b"0.1", 1)):
        ideal.write_bytes(damaged)
        assert study._read(ideal) is None
    seen.clear()
    assert outcomes == study.study(  # that case is run again
        "digits", (circuit,), 1, tmp_path, epochs=2, progress=lambda what, done, total: seen.append((done, total))
    )
    assert seen == [(1, 2), (2, 2)] and ideal.read_bytes() == whole
    assert next(iter(csv.DictReader(io.StringIO(to_csv(outcomes)))))["run_on"] == "ideal twin"


def test_picture_shows_what_there_is() -> None:
    outcomes = [
        Outcome(circuit, "one_sided", levels, 10.0, "aware", seed, "circuit", 0.0, 0.9 + 0.01 * seed)
        for circuit in ("one", "other")
        for levels in (2, 16)
        for seed in (1, 2)
    ]
    figure = draw_study(outcomes, "title")
    panels = figure.axes
    assert len(panels) == 6 and [panel.get_ylabel() for panel in panels[::3]] == [
        f"{circuit}\ncorrect test images [%]" for circuit in ("one", "other")
    ]
    assert len(panels[0].containers) == 1 and panels[0].containers[0].lines[0].get_xdata().tolist() == [2, 16]

"""What the tables of a study get wrong together: a sentence with the remedy for each mistake.

What one table can get wrong alone is refused where it is defined, in `lab.tables` and `lab.recipe`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lab import catalogue, theory
from lab.recipe import Training
from lab.spec import LIMITS

if TYPE_CHECKING:
    from lab.study import Study


def mistakes(study: Study) -> Iterator[str]:
    """Every mistake, as `table.key: sentence`."""
    s = study.student
    yield from _of_the_scan(study)
    if s.exact:
        yield from _of_exact(study)
    elif s.depth is not None and any(isinstance(w, tuple) for w in s.widths or ()):
        yield "student.depth: widths that list their layers have their depth; leave it out"
    if "scan" in study.model_fields_set and not study.counted:
        yield "[scan]: only resolution-width with networks has several counts of size; leave it out"
    elif study.scan.size == "width" and any(isinstance(w, tuple) for w in s.widths or ()):
        yield "scan.size: layers of unequal width have no one width; take \"N\" or \"hidden\""
    kind = study.task.teacher_kind
    if kind != "network" and not s.exact:
        yield f"task.teacher: {kind} targets are for exact students, not networks"
    for task in study.tasks(teachers=1):
        if task.D_amb < task.chart:
            yield (
                f"task.embedding.ambient: {task.D_amb} coordinates cannot hold a manifold of "
                f"d = {task.dim} that needs {task.chart}; take ambient ≥ {task.chart}"
            )
    yield from _of_equal_x(study)
    for field, formula in (("exponent", study.prediction.exponent),
                           *(("rivals", r) for r in study.prediction.rivals)):  # fmt: skip
        yield from _of_predicted(study, field, formula)


def _of_predicted(study: Study, field: str, formula: str | float) -> Iterator[str]:
    """Of one formula, the first point of the study where it is no exponent."""
    for task, student in itertools.product(study.tasks(teachers=1), study.students()):
        try:
            value = study.predicted(task, student, formula)
        except theory.PredictionError as error:
            yield f"prediction.{field}: {error}"
            return
        if value <= 0:
            yield (
                f"prediction.{field}: '{theory.parse(formula).text}' is {value:.6g} at "
                f"d = {task.dim}, and losses that fall have exponents above 0; predict another "
                "formula or leave this point out"
            )
            return


def _of_equal_x(study: Study) -> Iterator[str]:
    """Students that one scan cannot tell apart: of one size where it scans one, else one shape."""
    scans_N = study.wide or study.regime == "phase-map"
    hidden = study.counted and study.scan.size == "hidden"
    told = set()
    for task in {task.D_amb: task for task in study.tasks(teachers=1)}.values():
        seen: dict = {}
        for student in study.students():
            name, N = "N", student.parameters(task.D_amb, task.outputs) if scans_N else None
            if hidden:
                name, N = "N_h", student.leading(task.D_amb, task.outputs)[0]
            fixed = tuple((k, v) for k, v in student.settings if k != "count")
            bare = replace(student, widths=(), settings=fixed) if scans_N else student
            other = seen.setdefault((bare, N), student)
            pair = other.widths, student.widths
            if other is student or pair in told:
                continue
            told.add(pair)
            if other == student:
                yield f"student.widths: {list(pair[0])} is given twice; leave one out"
            else:
                yield (
                    f"student.widths: {list(pair[0])} and {list(pair[1])} both have "
                    f"{name} = {N} at d = {task.dim}, and a scan takes every {name} once; leave "
                    "one out"
                )


def _of_the_scan(study: Study) -> Iterator[str]:
    sizes = study.data.sizes if study.data else ()
    if study.regime == "resolution-width":
        if study.data is not None:
            yield "[data]: resolution-width draws fresh data without limit; leave [data] out"
        name = "count" if study.student.kind == "random-features" else "widths"
        yield from _too_few(f"student.{name}", getattr(study.student, name))
        return
    if study.regime == "variance-data":
        if study.data is None or study.data.draws is None:
            yield "[data]: variance-data averages over draws of the data: give 'draws = 64'"
        random = not study.student.exact or study.student.kind in catalogue.RANDOM
        if random and "seeds" in study.student.model_fields_set:
            yield "student.seeds: variance-data repeats draws of the data; give data.draws"
    elif study.data is not None and study.data.draws is not None:
        yield "data.draws: only variance-data draws training sets anew; leave it out"
    if study.regime in LIMITS and "prediction" not in study.model_fields_set:
        yield (
            f"[prediction]: {study.regime} predicts another number than the resolution-limited "
            "regimes; give exponent = 1 and sense = \"equal\""
        )
    if study.regime == "variance-width":
        yield from _of_wide(study, sizes)
        return
    if study.regime == "phase-map":
        yield from _of_map(study)
    if not sizes:
        yield f"[data]: {study.regime} learns from training sets: give 'sizes = [256, …]'"
    else:
        yield from _too_few("data.sizes", sizes)
    if study.student.exact:
        return
    if study.regime == "variance-data":
        for table in sorted({"training", "evidence"} & study.model_fields_set):
            yield (
                f"[{table}]: networks of variance-data descend from the population optimum by "
                "Newton's method until they arrive; leave it out"
            )
        if len(study.student.widths or ()) > 1 or study.task.loss != "mse":
            yield "student.widths: variance-data takes one fixed network, and loss = \"mse\""
        return
    if study.training.optimiser == "lbfgs" or study.training.polish:
        yield (
            "training.optimiser: L-BFGS needs fresh data (resolution-width), where it "
            "cannot fit the training set by heart"
        )
    batch = max((b for _, b, _ in study.training.resolved().stages), default=0)
    for D in sizes:
        if batch > D:
            yield (
                f"training.batch: {batch} is more than the training set "
                f"of data.sizes = {D}; take a batch of at most {D}"
            )


def _of_map(study: Study) -> Iterator[str]:
    if study.student.exact:
        yield "student.kind: a phase map trains networks; take kind = \"mlp\""
    yield from _too_few("student.widths", study.student.widths)


def _of_wide(study: Study, sizes: tuple[int, ...]) -> Iterator[str]:
    s = study.student
    if len(set(sizes)) != 1:
        yield "[data]: variance-width learns one fixed training set: give 'sizes = 64'"
    if s.exact or s.parametrisation != "ntk" or set(s.activation) - {"relu", "erf"}:
        yield (
            "student.parametrisation: variance-width takes networks with a limit: kind = "
            "\"mlp\", parametrisation = \"ntk\", activation = \"relu\" or \"erf\""
        )
    yield from _too_few("student.widths", s.widths)
    if any(isinstance(w, tuple) for w in s.widths or ()):
        yield "student.widths: variance-width scans layers of equal width; give numbers"
    plain = study.training == Training(steps=study.training.steps)
    if not plain or "evidence" in study.model_fields_set:
        yield (
            "[training]: variance-width takes full-batch descent at a rate of its own, and "
            "limits after as many steps; give 'steps' alone, and no [evidence]"
        )
    if study.task.loss != "mse" or study.task.teacher.outputs > 1:
        yield "task.loss: variance-width takes loss = \"mse\" and one output"


def _of_exact(study: Study) -> Iterator[str]:
    s, spectral = study.student, study.task.manifold.kind == "spectral"
    for table in sorted({"training", "evidence"} & study.model_fields_set):
        yield f"[{table}]: {s.kind} students are exact, no descent trains them; leave it out"
    if study.task.loss != "mse":
        yield f"task.loss: {s.kind} students minimise the squared error; take loss = \"mse\""
    linear = s.kind == "linear" or (s.features == ("gaussian",) and s.kind != "kernel")
    if spectral and not linear:
        yield (
            "student.kind: a spectral task has linear students: kind = \"linear\", or "
            "\"random-features\" with features = \"gaussian\""
        )
    if study.regime == "resolution-width" and not (spectral and s.kind == "random-features"):
        yield (
            f"student.kind: {s.kind} students have no answer on unlimited data; scan "
            "data.sizes with regime = \"resolution-data\""
        )
    if study.regime == "variance-data" and s.kind not in ("random-features", "linear"):
        yield (
            f"student.kind: a {s.kind} student grows with its data, and variance-data wants a "
            "fixed model; take random-features, linear or mlp"
        )
    if study.regime == "variance-data" and not spectral and any(s.ridge or ()):
        yield (
            "student.ridge: a ridge is not divided by D, so that it is another one for the "
            "population than for D samples, and variance-data compares the two; take ridge = 0"
        )
    if s.domain == ("sphere",) and s.inputs != "raw":
        yield "student.inputs: simplices on the unit sphere take inputs = \"raw\""
    if s.kind == "simplex":
        yield from dict.fromkeys(_of_simplices(study))
    largest = max(study.data.sizes) if study.data else 0
    room = catalogue.FIELD_POINTS - catalogue.FIELD_TEST_POINTS
    if study.task.teacher.kind == "field" and largest > room:
        yield (
            f"data.sizes: a Gaussian field is drawn at D and {catalogue.FIELD_TEST_POINTS} "
            f"test points together, at most {catalogue.FIELD_POINTS}; take D ≤ {room}"
        )
    for task, settings in itertools.product(study.tasks(teachers=1), s.settings()):
        for D in study.data.sizes if study.data else ():
            refused = catalogue.refusal(s.kind, settings, D=D, D_amb=task.D_amb)
            if refused:
                yield f"data.sizes: {refused}"


def _of_simplices(study: Study) -> Iterator[str]:
    """A cell has volume in the coordinates of the inputs, so the data must have it too."""
    domains = study.student.domain or ("flat",)
    for task, domain in itertools.product(study.tasks(teachers=1), domains):
        unit_sphere = [kind for kind, _ in task.manifold] == ["sphere"] and task.D_amb == task.chart
        if domain == "sphere" and not unit_sphere:
            yield (
                "student.domain: cells on the sphere need points on the unit sphere; take manifold "
                "kind = \"sphere\" in its own coordinates, or leave 'domain' out"
            )
        elif domain == "flat" and task.D_amb > task.input_dim:
            remedy = (
                "take domain = \"sphere\" and inputs = \"raw\"" if unit_sphere else
                "take a cube in its own coordinates, or kind = \"nearest\""
            )  # fmt: skip
            yield (
                f"student.kind: no simplex of {task.D_amb} coordinates holds a point of a manifold "
                f"of d = {task.input_dim}; {remedy}"
            )


def _too_few(field: str, scanned: Sequence | None) -> Iterator[str]:
    n = len(set(scanned or ()))
    if n < 3:
        yield (
            f"{field}: {n} value{'s' if n != 1 else ''} cannot carry an exponent; "
            "give at least three different ones, better six"
        )

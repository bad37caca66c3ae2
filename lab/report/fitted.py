"""The fit of a law to a table as a value that prints itself: a table of parameters, sentences, what
it predicts, and its figure.

What it does not do: fit (`lab.scaling.tables.reply`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.findings.view import TextTable

if TYPE_CHECKING:
    from lab.scaling.tables.reply import FittedTable

FIT_HEAD = ("parameter", "value", "error", "95 % interval", "by", "other intervals")
PREDICTION_HEAD = ("at", "value ± se", "95 % of the mean curve", "95 % of a new run", "where",
                   "other laws")  # fmt: skip
NOTABLE = 0.005
"""Laws of less weight than this are not listed."""
THINNED = (
    " of {rows} rows, spread evenly; the best was fitted to all rows, and replicates of the "
    "bootstrap take a few steps from there"
)
"""Notes on large tables."""
EXTENT = 3.0
"""Factor by which a figure's curve goes beyond the data."""


class Fit(dict[str, Any]):
    """The fit of a law to a table: what `lab fit --json` prints, as a mapping that prints itself.

    `parameters`, `status` (`converged` where everything may be used) and `warnings` are attributes,
    too; `predict` asks the law at other x, `plot` draws it.
    """

    def __init__(self, found: FittedTable) -> None:
        super().__init__(found.reply)
        self._found = found

    @property
    def parameters(self) -> dict[str, float | None]:
        """By name; empty where the fit was refused."""
        return self["parameters"]

    @property
    def status(self) -> str:
        """A key of `lab.scaling.laws.fit.FIT_STATUS`, or of a scan's."""
        return self["status"]

    @property
    def warnings(self) -> list[str]:
        """Sentences."""
        return self["warnings"]

    def predict(self, *at: Any, **x: float) -> list[dict[str, Any]]:
        """Prediction of the law at other x, by the names of its variables or of their columns.

        >>> found.predict(N=7e9, D=1.4e12)                                      # doctest: +SKIP
        >>> found.predict({"N": 7e9, "D": 1.4e12}, "N=1B,D=20B", "rows.csv")     # doctest: +SKIP

        Returns a mapping for each: x, value, mean and new (95 % intervals of the mean curve and of
        a new run; None where nothing honest can be said), beyond (how many times beyond the data),
        where (in words), others (what other laws say that describe the data as well).
        Raises lab.scaling.tables.rows.TableError.
        """
        return self._found.predict([*at, *([x] if x else [])])

    def allocate(self, *compute: float, method: str = "parametric") -> dict[str, Any]:
        """The best N, D and loss at each compute C = 6 N D, of the rows of a law of two variables:
        method (`parametric`, `isoflop`, `envelope`), xi, eta and allocations, each number with its
        value, interval and status. Raises lab.scaling.tables.rows.TableError."""
        return self._found.allocate(compute, method)

    def plot(self, path: str | Path | None = None) -> Any:
        """Data, law, band and residuals as a figure of Matplotlib, also written to `path`."""
        figure = drawn(self._found)
        if path is not None:
            from lab.report.figure_files import save

            save(figure, Path(path))
        return figure

    def __str__(self) -> str:
        lines = ["  ".join(line) for line in (FIT_HEAD, *fit_lines(self))]
        return "\n".join([*(lines if self["parameters"] else ()), *fit_sentences(self)])

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{escape(sentence)}</li>" for sentence in fit_sentences(self))
        return f"{TextTable(FIT_HEAD, fit_lines(self)).html()}<ul>{said}</ul>"


def prediction_lines(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One line per prediction in the columns of PREDICTION_HEAD."""
    out: list[tuple[str, ...]] = []
    for one in found:
        others = [v for v in one["others"].values() if v is not None]
        spread = f"{min(others):.4g} … {max(others):.4g} ({len(others)})" if others else "–"
        at = ", ".join(f"{name} = {value:.6g}" for name, value in one["x"].items())
        value = _number(one["value"], 5)
        value += f" ± {_number(one['error'], 2)}" if one["error"] else ""
        mean, new = (_interval(one[k]) if one[k] else "–" for k in ("mean", "new"))
        out.append((at, value, mean, new, one["where"], spread))
    return out


def frontier_sentences(found: Mapping[str, Any]) -> list[str]:
    """The frontier: its exponents, and the best N and D at each compute."""

    def told(one: Mapping[str, Any]) -> str:
        return f"{_number(one['value'])} {_interval(one['interval'])} ({one['status']})"

    said = [
        f"frontier   {found['method']}: N_opt ∝ C^ξ, ξ = {told(found['xi'])}; "
        f"L_opt ∝ C^−η, η = {told(found['eta'])}"
    ]
    for one in found["allocations"]:
        said.append(
            f"at C = {one['C']:.4g} FLOP: N = {told(one['N'])}, D = {told(one['D'])}, "
            f"loss {told(one['loss'])}"
        )
    return said + [f"left out   {sentence}" for sentence in found["left_out"]]


# ---- the figure ---------------------------------------------------------------------------------


def drawn(found: FittedTable) -> Any:
    """Data, law and its band above, residuals below; of two variables a curve for each value of the
    second, or the measured against the fitted loss where these are many."""
    import numpy as np
    from matplotlib.figure import Figure

    data, law = found.data, found.reply["law"]
    x, loss = data.inputs, data.loss
    figure = Figure(figsize=(6.4, 6.0), layout="constrained")
    top, below = figure.subplots(2, 1, height_ratios=(3, 1))
    names = [data.names[s] for s in ("x", "y") if s in data.names]
    fit = found.fit if found.fit is not None and found.fit.parameters else None
    along = np.geomspace(x[0].min() / EXTENT, x[0].max() * EXTENT, 120)
    if len(x) == 1:
        top.plot(x[0], loss, "o", ms=4, color="black", label=data.names["L"])
        if found.reply["parameters"]:
            said = found.predict([{"x": float(v)} for v in along])
            value = np.array([np.nan if p["value"] is None else p["value"] for p in said], float)
            top.plot(along, value, color="tab:blue", label=law)
            for key, shade in (("new", 0.12), ("mean", 0.3)):
                ends = np.array([p[key] or (np.nan, np.nan) for p in said], float)
                top.fill_between(along, *ends.T, color="tab:blue", alpha=shade, lw=0)
            near = np.exp(np.interp(np.log(x[0]), np.log(along), np.log(np.abs(value))))
            off = loss / (fit.predict(x[0]) if fit is not None else near)
            below.plot(x[0], off - 1, "o", ms=3, color="black")
        top.set_xscale("log")
        below.set_xscale("log")
        below.set_xlabel(names[0])
        top.axvspan(x[0].max(), along[-1], color="0.96", zorder=0)
    else:
        fitted = fit.predict(*x) if fit is not None else loss
        top.plot(fitted, loss, "o", ms=4, color="black")
        both = [min(fitted.min(), loss.min()), max(fitted.max(), loss.max())]
        top.plot(both, both, color="tab:blue", label=law)
        top.set_xlabel(f"{data.names['L']}, fitted")
        top.set_xscale("log")
        below.plot(x[0], loss / fitted - 1, "o", ms=3, color="black")
        below.set_xscale("log")
        below.set_xlabel(names[0])
    if loss.max() > 1.5 * loss.min():
        top.set_yscale("log")
    top.set_ylabel(data.names["L"])
    below.set_ylabel("relative residual")
    below.axhline(0, color="tab:blue", lw=1)
    top.legend(frameon=False)
    return figure


# ---- text ---------------------------------------------------------------------------------------


def fit_lines(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One line per parameter of a `Fit`, in the columns of FIT_HEAD."""
    lines: list[tuple[str, ...]] = []
    for name, value in found["parameters"].items():
        ends = dict(found["intervals"].get(name, {}))
        by = found["quoted"].get(name)
        quoted = _interval(ends.pop(by)) if by else "–"
        others = ", ".join(f"{method} {_interval(pair)}" for method, pair in ends.items())
        error = "held" if name in found["held"] else _number(found["errors"].get(name))
        lines.append((name, _number(value), error, quoted, by or "–", others or "–"))
    return lines


def fit_sentences(found: Mapping[str, Any]) -> list[str]:
    """Verdict, objective, status, census, weights and warnings of a `Fit`."""
    said = []
    if "verdict" in found:
        p = found.get("p", {})
        tests = ", ".join(f"{name} {value:.2g}" for name, value in p.items() if value is not None)
        doubts = f"; doubts: {', '.join(found['doubts'])}" if found["doubts"] else ""
        advice = f" {found['advice']}" if found["advice"] else ""
        said.append(f"verdict    {found['verdict']}, prediction α = {found['prediction']:.4g}"
                    + (f" (p: {tests})" if tests else "") + f"{doubts}.{advice}")  # fmt: skip
    groups = f" in {found['groups']} groups" if "groups" in found else ""
    if found["objective"] is not None:
        said.append(f"objective  {found['objective']:.8g}, the sum over {found['n']} rows{groups}")
    said.append(f"status     {found['status']}: {found['usable']}")
    starts = found["starts"]
    if starts.get("tried"):
        said.append(
            f"starts     {starts['reached_best']} of {starts['tried']} reached the best "
            f"objective{THINNED.format(**starts) if 'rows' in starts else ''}"
        )
    weights = found.get("weights")
    if weights:
        said.append(f"weights    {_weighed(weights, found)}")
    said += [
        f"at {at}: {value}, mean curve {mean}, new run {new}; {where}" +
        ("" if others == "–" else f"; other laws {others}")
        for at, value, mean, new, where, others in prediction_lines(found.get("predictions", ()))
    ]  # fmt: skip
    if "frontier" in found:
        said += frontier_sentences(found["frontier"])
    return said + [f"warning    {sentence}" for sentence in found["warnings"]]


def _weighed(weights: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Both kinds of weights, and why there is none of a kind."""
    many, held = weights["independent"], weights["held_out"]
    of = f" of {many} groups" if many != found["n"] else ""
    if 1 < weights.get("curves", 1) < found.get("groups", 1):
        of += f", on {weights['curves']} of {found['groups']} groups"
    aicc = _shares(weights["aicc"]) if weights["aicc"] else "none, too few for any law"
    out = (f"hold-out of {held} rows: {_shares(weights['holdout'])}" if weights["holdout"] else
           f"hold-out: none, {held} rows at the far end are too few" if held else
           "hold-out: none, too few rows")  # fmt: skip
    return f"AICc{of}: {aicc}; {out}"


def _shares(weights: Mapping[str, float | None]) -> str:
    listed = sorted(((w, name) for name, w in weights.items() if w and w > NOTABLE), reverse=True)
    return ", ".join(f"{name} {w:.2f}" for w, name in listed) or "none"


def _interval(pair: Sequence[float | None]) -> str:
    lower, upper = pair
    if lower is upper is None:
        return "–"
    return (f"[{'−∞' if lower is None else _number(lower)}, "
            f"{'∞' if upper is None else _number(upper)}]")  # fmt: skip


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}g}"

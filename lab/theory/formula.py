"""Predictions as text: the small language in which a study writes its exponent beforehand.

A loss falls as `L − L∞ ∝ x^−α`, with x the number of samples D or of parameters N (or P random
features). `parse("2p/d").value({"d": 8, "p": 2})` is 0.5. The grammar has numbers, the names of
`SYMBOLS`, `+ − * / ^`, parentheses, products without a sign (`2p`), and the functions `min`, `max`
and `kernel`. The tree is walked here, never handed to `eval`.

What it does not do: say whose result a formula is and when it holds; see `exponents.py`.
"""

from __future__ import annotations

import ast
import difflib
import functools
import math
import operator
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SYMBOLS: Mapping[str, str] = {
    "d": "intrinsic dimension (the sum over the factors of a product manifold)",
    "p": "power of the loss |y − ŷ|^p (2 for mse, and for kl near its optimum); in the position "
    "of a peak over D the number of parameters of the student",
    "n": "number of training samples, in the position of a peak over the size of the student",
    "s": "smoothness of the target, its derivatives that are square integrable; ∞ if it is smooth",
    "a": "decay of the target's power in the kernel's eigenbasis, v_i² ∝ i^−a",
    "b": "decay of the kernel's eigenvalues, λ_i ∝ i^−b",
    "alpha": "spectral exponent α_K of random features, λ_i ∝ i^−(1+α_K)",
    "exact": "value that an exact model knows of itself",
    "teacher": "smoothness θ of the teacher's kernel, K(0) − K(r) ∼ |r|^θ to leading odd order",
    "student": "smoothness θ of the student's kernel",
}
"""The names that a prediction may use, and what each means."""


RESOLUTION, REFERENCE = "resolution", "reference"
WORKED_OUT: Mapping[str, tuple[str, ...]] = {RESOLUTION: ("d", RESOLUTION), REFERENCE: (REFERENCE,)}
"""Predictions that a study works out for its own targets and students, and what they depend on: the
exponent of `resolution.py`'s table, and the slope of an exact reference over the same x."""


class PredictionError(ValueError):
    """A prediction that does not parse, or that has no value for this study. One sentence."""


class NoValue(PredictionError):
    """A prediction that parses and is not finite here, as 3/(d-1) at d = 1."""


Value = float | tuple[float, ...]

_FUNCTIONS = {"min": "min(a-1, 2b)", "max": "max(d)", "kernel": "kernel(teacher, student)"}
_OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.MatMult: operator.mul,  # stands for a product without a sign, until it is read
    ast.Div: operator.truediv,
    ast.Pow: math.pow,  # raises where operator.pow would turn complex
}
_PRODUCT = re.compile(
    r"((?<![\w.])(?:\d+\.?\d*|\.\d+)(?![eE][+-]?\d)|\))\s*(?=[^\W\d]|\()", re.ASCII
)
_FOREIGN = re.compile(r"[^\w .+\-*/^(),]", re.ASCII)
_LONGEST = 100


@dataclass(frozen=True)
class Prediction:
    """An exponent written beforehand, as a formula in the symbols of the study.

    Attributes:
        text: the formula as written; two predictions are equal if their texts are.
        symbols: the names that `value` must be given, sorted.
    """

    text: str
    symbols: tuple[str, ...]
    _tree: ast.expr = field(repr=False, compare=False)

    @property
    def canonical(self) -> str:
        """The formula spaced and multiplied one way: 2p/d, 2*p / d and (2p)/d are the same."""
        return ast.unparse(self._tree).replace("@", "*")

    def value(self, symbols: Mapping[str, Value]) -> float:
        """The predicted exponent for these values of the symbols.

        Args:
            symbols: a number per name, or for `d` of a product manifold the tuple of its factors'
                dimensions: `d` is then their sum, `max(d)` the largest. More names may be given
                than are needed.

        Raises PredictionError if a symbol is missing, or the value is no finite number.
        """
        if self.text in WORKED_OUT:
            raise PredictionError(
                f"'{self.text}' is worked out for a study's own targets and students, and has no "
                "value without them; give a number or a formula such as '4/d'"
            )
        missing = [name for name in self.symbols if name not in symbols]
        if missing:
            known = ", ".join(sorted(symbols)) or "none"
            raise PredictionError(
                f"prediction '{self.text}' needs '{missing[0]}' ({SYMBOLS[missing[0]]}), which "
                f"this study does not have; it has {known}"
            )
        given = ", ".join(f"{name} = {symbols[name]}" for name in self.symbols)
        try:
            value = _number(_evaluate(self._tree, symbols))
        except PredictionError:
            raise
        except (ArithmeticError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise NoValue(
                f"prediction '{self.text}' has no finite value{' at ' + given if given else ''}; "
                "predict another formula or leave this point out"
            )
        return value


@functools.lru_cache(maxsize=1024, typed=True)
def parse(text: str | float) -> Prediction:
    """Read a prediction: a number, a formula such as "4/d", "2p/d" or "min(a-1, 2b)", or one of
    `WORKED_OUT`.

    Raises PredictionError, one sentence with the remedy, for what is not in the grammar.
    """
    if isinstance(text, bool):
        raise PredictionError(f"a prediction is a number or a formula such as '4/d', got {text}")
    if not isinstance(text, str):
        if not math.isfinite(text):
            raise PredictionError(f"a predicted exponent is a finite number, got {text}")
        text = f"{text:.12g}"
    text = text.strip()
    if text in WORKED_OUT:
        return Prediction(text, WORKED_OUT[text], ast.Name(text))
    if len(text) > _LONGEST:
        raise PredictionError(
            f"prediction '{text[:20]}…' has {len(text)} characters; write it in {_LONGEST} or fewer"
        )
    try:
        if _FOREIGN.search(text):
            raise SyntaxError
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python only frowns at is no formula either
            tree = ast.parse(_PRODUCT.sub(r"\1@", text).replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning):
        raise PredictionError(
            f"prediction '{text}' is not a formula; write one such as '4/d', '2p/d' or "
            "'min(a-1, 2b)'"
        ) from None
    return Prediction(text, tuple(sorted(set(_symbols(tree, text)))), tree)


def _symbols(node: ast.expr, text: str) -> Iterator[str]:
    """The symbols in a tree, after making sure that the tree has nothing but our grammar."""
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return
        case ast.Name(id=name) if name in SYMBOLS:
            yield name
        case ast.Name(id=name) if name not in _FUNCTIONS:
            known = [*SYMBOLS, *_FUNCTIONS]
            raise PredictionError(
                f"unknown symbol '{name}' in prediction '{text}', known are {', '.join(known)}"
                + _did_you_mean(name, known)
            )
        case ast.UnaryOp(op=ast.USub(), operand=child):
            yield from _symbols(child, text)
        case ast.BinOp(op=op) if type(op) in _OPERATIONS:
            if isinstance(op, ast.MatMult) and _divides(node):
                raise PredictionError(
                    f"prediction '{text}' has an ambiguous product after a division; write the "
                    "denominator in parentheses, as in '1/(2d)'"
                )
            yield from _symbols(node.left, text)
            yield from _symbols(node.right, text)
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as children, keywords=[]) if (
            name in _FUNCTIONS and (name != "kernel" or len(children) == 2)
        ):
            if name == "kernel":
                yield "d"
            for child in children:
                yield from _symbols(child, text)
        case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
            remedy = (
                f"write it as in '{_FUNCTIONS[name]}'"
                if name in _FUNCTIONS
                else f"the functions are {', '.join(_FUNCTIONS)}, a product is written with '*'"
            )
            raise PredictionError(f"prediction '{text}' cannot call '{name}' so; {remedy}")
        case _:
            raise PredictionError(
                f"prediction '{text}' uses more than numbers, symbols, + - * / ^, min, max and "
                "kernel; write one such as '4/d' or 'min(a-1, 2b)'"
            )


def _divides(product: ast.BinOp) -> bool:
    """True if a division stands before this product in the same term, outside parentheses."""
    left = product.left
    # a parenthesis shifts the start of what it holds against the start of the whole term
    while isinstance(left, ast.BinOp) and left.col_offset == product.col_offset:
        if isinstance(left.op, ast.Div):
            return True
        left = left.left
    return False


def _evaluate(node: ast.expr, symbols: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)  # OverflowError, an ArithmeticError, of 400 digits
        case ast.Name(id=name):
            return symbols[name]
        case ast.UnaryOp(operand=child):
            return -_number(_evaluate(child, symbols))
        case ast.BinOp(left=left, op=op, right=right):
            x, y = (_number(_evaluate(child, symbols)) for child in (left, right))
            return _OPERATIONS[type(op)](x, y)
        case ast.Call(func=ast.Name(id=name), args=children):
            values = [_evaluate(child, symbols) for child in children]
            if name == "kernel":
                return kernel(_number(symbols["d"]), *map(_number, values))
            spread = [x for v in values for x in (v if isinstance(v, tuple) else (v,))]
            return float(max(spread) if name == "max" else min(spread))
    raise AssertionError(f"{ast.unparse(node)} is not in the grammar, which `parse` made sure of")


def _number(value: Value) -> float:
    return sum(value) if isinstance(value, tuple) else value


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


# ---- the function of the language that is a result of its own --------------------------------


def kernel(d: float, teacher: float, student: float) -> float:
    """min(α_T − d, 2α_S)/d with α = d + θ: regression on a field drawn from another kernel.

    Args:
        d: dimension of the manifold on which the D points lie (n for the sphere Sⁿ).
        teacher: smoothness θ_T of the Gaussian field that is learned, see `smoothness`.
        student: smoothness θ_S of the kernel that learns it without ridge.

    The generalisation error is quadratic; the points are regular enough (uniform draws measured
    the same). Source: Spigler, Geiger & Wyart, arXiv 1905.10843.
    Raises PredictionError if both kernels are analytic: the loss then falls faster than any power.
    """
    if not d > 0:
        raise PredictionError(f"this exponent needs a positive dimension, got {d:g}")
    exponent = min(teacher, 2 * (d + student)) / d
    if not math.isfinite(exponent):
        raise PredictionError(
            "kernel(teacher, student) has no exponent when both kernels are analytic: the loss "
            "falls faster than any power; choose a rougher teacher"
        )
    return exponent


def smoothness(name: str, *, nu: float | None = None) -> float:
    """θ, the order of the first term of a kernel in |r| that is not analytic; ∞ if there is none.

    Args:
        name: `laplace` 1, `matern` 2ν, `gaussian` ∞; of a ReLU network of any depth (r the angle)
            `relu-nngp` 3, `relu-ntk` 1; of an erf network `erf-nngp`, `erf-ntk` ∞.
        nu: the ν of Matérn.

    Source: Spigler et al. for the radial kernels; Bietti & Bach, arXiv 2009.14397 for networks.
    """
    if name == "matern":
        if nu is None or not nu > 0:
            raise PredictionError(f"a Matérn kernel needs nu > 0, got {nu}; set nu to 0.5 or more")
        return 2 * nu
    if name not in _SMOOTHNESS:
        raise PredictionError(
            f"unknown kernel '{name}', known are matern, {', '.join(_SMOOTHNESS)}"
            + _did_you_mean(name, ["matern", *_SMOOTHNESS])
        )
    return _SMOOTHNESS[name]


_SMOOTHNESS = {
    "laplace": 1.0,
    "gaussian": math.inf,
    "relu-nngp": 3.0,
    "relu-ntk": 1.0,
    "erf-nngp": math.inf,
    "erf-ntk": math.inf,
}

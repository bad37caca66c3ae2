"""Files that a person brings, opened and bounded: the one door to tables and arrays.

    text       bytes of at most LARGEST, unpacked from gzip where the name says so, as text in UTF-8
               or UTF-16 with one kind of line end
    Parquet    of at most CELLS cells
    .npy .npz  arrays of numbers of at most LARGEST_ARRAY bytes; a sparse matrix of SciPy of at most
               FILLED cells

Nothing in a file is executed: nothing is unpickled, no address is opened, and what an archive
unpacks to is counted before it is unpacked. Every refusal is a `TableError` of one sentence.

What it does not do: say what the content means. Tables are read by `formats.py`, points by
`lab.dimension.points`.
"""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lab.mistakes import unknown
from lab.scaling.tables.rows import TableError

LARGEST = 2**30
"""Bytes of a table of text, unpacked."""
CELLS = 2 * 10**8
"""Cells of a Parquet table, unpacked."""
ARRAYS = (".npy", ".npz")
LARGEST_ARRAY = 2**31
"""Bytes of an array in an archive, unpacked."""
FILLED = 2**27
"""Numbers that a sparse matrix may become."""
SPARSE = frozenset({"data", "shape", "format"})
"""Arrays that every sparse matrix of SciPy has."""
COMPRESSED = ("indices", "indptr")
KINDS = {"csr": COMPRESSED, "csc": COMPRESSED, "bsr": COMPRESSED, "coo": ("row", "col"),
         "dia": ("offsets",)}  # fmt: skip
"""Arrays of each format of sparse matrices beside its data."""


def ending(path: str | Path) -> str:
    """The part of a file's name that says its format, in lower case, without .gz."""
    path = Path(path)
    if path.suffix.lower() == ".gz":
        path = Path(path.stem)
    return path.suffix.lower()


def several(path: str | Path) -> bool:
    """True if a path is a folder or a pattern of files."""
    try:
        return Path(path).is_dir() or (
            bool(re.search(r"[*?\[]", str(path))) and not Path(path).exists()
        )
    except (OSError, ValueError):
        return False


def _content(path: Path) -> bytes:
    """The bytes of a file, unpacked, at most LARGEST."""
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile(fileobj=file) as packed:
                    content = packed.read(LARGEST + 1)
            else:
                content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{path} cannot be read: {error}; save it again.") from None
    if len(content) > LARGEST:
        raise TableError(f"{path} holds more than {LARGEST} bytes; leave rows out.")
    return content


def text_of(path: Path) -> str:
    """The text of a file, lines ended by \\n alone. Raises TableError."""
    content = _content(path)
    little = content[:2] == b"\xff\xfe"  # the mark of UTF-16, whose Latin letters have a zero each
    zeros = content[3 if little else 2 : 4096 : 2].count(0)
    wide = (little or content[:2] == b"\xfe\xff") and 8 * zeros > min(len(content), 4096)
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise TableError(f"{path} is not text in UTF-8; save it in UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parquet_of(path: Path) -> Any:
    """The table of pyarrow in a Parquet file. Raises TableError."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise TableError(
            f"{path} is Parquet, which needs pyarrow; install it or save the table as CSV."
        ) from None
    try:
        with path.open("rb") as file:
            opened = parquet.ParquetFile(file)
            size = opened.metadata.num_rows * opened.metadata.num_columns
            if size > CELLS:
                raise TableError(
                    f"{path} holds {size} cells; the limit is {CELLS}. Leave rows out."
                )
            return opened.read()
    except (ArrowException, OSError, MemoryError) as error:
        raise TableError(f"{path} is not Parquet: {error}") from None


def array_of(path: Path, columns: str | None) -> tuple[str, np.ndarray, str | None, list[str]]:
    """The name of the array in a file, the array, the columns to take of it, and sentences; nothing
    is unpickled. Raises TableError, one sentence."""
    failures = (
        ValueError, OSError, EOFError, MemoryError, KeyError, SyntaxError, OverflowError,
        zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, TypeError,
    )  # fmt: skip
    name, rest = str(path), columns
    try:
        with path.open("rb") as file:
            if ending(path) == ".npy":
                found: Any = _mapped(path, file)
            else:
                with np.load(file, allow_pickle=False) as archive:
                    _bounded(path, archive.zip)
                    if set(archive.files) >= SPARSE:
                        array, notes = _sparse(path, archive)
                        return name, array, rest, notes
                    which, rest = _member(path, archive.files, columns)
                    name, found = f"{path}:{which}", archive[which]
    except TableError:
        raise
    except failures as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        if "allow_pickle" in reason or "dtype=object" in reason or "Python objects" in reason:
            reason = "it holds Python objects, which are not read; save it as numbers"
        raise TableError(f"{path} cannot be read: {reason.rstrip('.')}.") from None
    return name, found, rest, []


def _mapped(path: Path, file: Any) -> np.ndarray:
    """The array of a .npy file, with only the rows asked for in memory."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "Array can't be memory-mapped" in str(error) or "empty" in str(error):
            file.seek(0)
            return np.load(file, allow_pickle=False)
        raise


def _bounded(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive with more than LARGEST_ARRAY bytes in an array, before it is unpacked."""
    for entry in archive.infolist():
        if entry.file_size > LARGEST_ARRAY:
            raise TableError(
                f"{path}: {entry.filename.removesuffix('.npy')} has {entry.file_size} bytes; the "
                f"limit is {LARGEST_ARRAY}. Save it as .npy, or fewer rows of it."
            )


def _sparse(path: Path, archive: Any) -> tuple[np.ndarray, list[str]]:
    """A sparse matrix as an ordinary one without empty columns, and sentences."""
    from scipy import sparse

    kind = archive["format"].item()
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    shape = tuple(int(size) for size in archive["shape"])
    if kind not in KINDS or len(shape) != 2 or not set(archive.files) >= set(KINDS[kind]):
        raise TableError(f"{path} is a sparse matrix of format {kind}; save x.tocsr() instead.")
    parts = [archive[name] for name in KINDS[kind]]
    given = (tuple(parts),) if kind == "coo" else parts
    matrix = getattr(sparse, f"{kind}_matrix")((archive["data"], *given), shape=shape)
    if KINDS[kind] == COMPRESSED:  # indices beyond the matrix would be read from elsewhere
        matrix.check_format(full_check=True)
    if shape[0] * shape[1] > FILLED:
        raise TableError(
            f"{path} is a sparse matrix of {shape[0]} × {shape[1]}, too large to be filled in; "
            "reduce its columns, as by sklearn.decomposition.TruncatedSVD, and save the result."
        )
    notes = [f"A sparse matrix of {shape[0]} × {shape[1]} was filled in with zeros."]
    full = np.flatnonzero(np.diff(matrix.tocsc().indptr))
    if 0 < full.size < shape[1]:
        notes.append(f"{shape[1] - full.size} empty columns were left out.")
        matrix = matrix[:, full]
    return np.asarray(matrix.toarray()), notes


def _member(path: Path, names: list[str], columns: str | None) -> tuple[str, str | None]:
    """Name of the array to take of an archive, and the columns to take of that."""
    if not names:
        raise TableError(f"{path} holds no arrays.")
    name, sign, rest = (columns or "").partition(":")
    if sign:
        if name not in names:
            raise TableError(f"{path}: {unknown('array', name, names)}.")
        return name, rest.strip() or None
    if "X" in names or len(names) == 1:
        return "X" if "X" in names else names[0], columns
    raise TableError(
        f"{path} holds the arrays {', '.join(names)} and no X; say which, as in `columns` "
        f"{names[0]}:"
    )

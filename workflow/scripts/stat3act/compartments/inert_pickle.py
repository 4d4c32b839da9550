"""A pickle read without running it: no name in it is ever imported or called, inert stand-ins take its place.

Loading a pickle runs whatever it asks for (https://docs.python.org/3/library/pickle.html), which is no way to read a
file that came from somewhere. What is plain Python (dictionaries, lists, text, numbers, bytes) is built as usual; of
everything else the arguments and the state are kept, so the numbers of an array are there, whichever version of numpy
or scikit-learn wrote it.
"""

import io
import pickle
import pickletools
from pathlib import Path

import numpy as np

from stat3act.problems import InputProblems, Problem

# Every pickle of protocol 2 (Python 2.3) or later starts with this byte.
PICKLE_STARTS_WITH = b"\x80"
ANOTHER_FILE = "give the .pkl file of a CellTypist model, as CellTypist downloads or writes it"


class Inert:
    """Stands for an object of the pickle: holds what it would be made from, and does nothing."""

    def __new__(cls, *args):
        part = super().__new__(cls)
        part.args, part.state = args, None
        return part

    def __setstate__(self, state):
        self.state = state


class Estimator(Inert):
    """A classifier or scaler; its state holds its attributes."""


class Array(Inert):
    """A numpy array; its state is version, shape, dtype, Fortran order, and bytes or a list of objects."""


class BufferArray(Inert):
    """A numpy array as pickle protocol 5 writes it, made from bytes, dtype, shape and order."""


class Dtype(Inert):
    """A numpy dtype, made from a code like ``f8``; its state holds the byte order."""


class Scalar(Inert):
    """A numpy scalar, made from a dtype and bytes."""


STAND_INS = {
    ("sklearn.linear_model._logistic", "LogisticRegression"): Estimator,
    ("sklearn.linear_model._stochastic_gradient", "SGDClassifier"): Estimator,
    ("sklearn.preprocessing._data", "StandardScaler"): Estimator,
    # The loss function an SGDClassifier carries along: scikit-learn below 1.6, 1.6 to 1.7, and later.
    ("sklearn.linear_model._sgd_fast", "Log"): Inert,
    ("_loss", "CyHalfBinomialLoss"): Inert,
    ("sklearn._loss._loss", "CyHalfBinomialLoss"): Inert,
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Dtype,
    # Up to numpy 1 and from numpy 2 on.
    ("numpy.core.multiarray", "_reconstruct"): Array,
    ("numpy._core.multiarray", "_reconstruct"): Array,
    ("numpy.core.multiarray", "scalar"): Scalar,
    ("numpy._core.multiarray", "scalar"): Scalar,
    ("numpy.core.numeric", "_frombuffer"): BufferArray,
    ("numpy._core.numeric", "_frombuffer"): BufferArray,
}


class InertUnpickler(pickle.Unpickler):
    """Builds stand-ins only, and notes every name that no CellTypist model has in ``foreign``."""

    def __init__(self, handle):
        super().__init__(handle)
        self.foreign: set[str] = set()

    def find_class(self, module: str, name: str) -> type:
        """Return the stand-in of a name; never import it."""
        if (module, name) not in STAND_INS:
            self.foreign.add(f"{module}.{name}")
        return STAND_INS.get((module, name), Inert)


def load_inert(file: str):
    """Return what the pickle of a CellTypist model holds, without running it.

    Parameters
    ----------
    file
        Path of the pickle.

    Returns
    -------
    object
        Plain Python objects as they are, `Inert` stand-ins for all others.

    Raises
    ------
    InputProblems
        When the file is no pickle, asks for a name that is not in ``STAND_INS`` (all are listed), or cannot be read to
        its end.
    """
    pickled = Path(file).read_bytes()
    start = pickled[:16]
    if not start.startswith(PICKLE_STARTS_WITH):
        found = f"a file that starts with {start!r}" if start else "an empty file"
        raise InputProblems([Problem(file, "", found, "a CellTypist model, which is a pickle", ANOTHER_FILE)])
    unpickler = InertUnpickler(io.BytesIO(pickled))
    try:
        refuse_broken(pickled)
        content, damage = unpickler.load(), None
    except Exception as error:  # a damaged pickle may raise any, says the documentation of UnpicklingError
        content, damage = None, error
    if unpickler.foreign:
        value = f"a pickle that asks for {', '.join(sorted(unpickler.foreign))}; nothing of it was run"
        expected = "only the scikit-learn and numpy objects that a CellTypist model consists of"
        mend = f"do not trust this file, it may run code wherever it is loaded; {ANOTHER_FILE}"
        raise InputProblems([Problem(file, "", value, expected, mend)])
    if damage is not None:
        value = f"a pickle that cannot be read to its end ({type(damage).__name__}: {damage})"
        mend = "it is cut off or damaged: copy or download it again"
        raise InputProblems([Problem(file, "", value, "a whole CellTypist model", mend)])
    return content


def refuse_broken(pickled: bytes) -> None:
    """Raise `ValueError` for a pickle that is cut off, or so damaged that loading it would fill the memory.

    Objects are numbered where they are put aside, and the unpickler makes room up to the highest number: four damaged
    bytes may ask for 64 GB.
    """
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in ("PUT", "LONG_BINPUT") and argument > len(pickled):
            raise ValueError(f"object number {argument} in {len(pickled)} bytes")


def array_of(part) -> np.ndarray:
    """Return the array that a stand-in describes.

    Parameters
    ----------
    part
        `Array` or `BufferArray` of numbers or text; elements that are Python objects must be text.

    Returns
    -------
    numpy.ndarray
        Numbers, or text of fixed width; it may be read-only.

    Raises
    ------
    ValueError, TypeError, LookupError
        For anything else, and where size and content do not fit.
    """
    if isinstance(part, Array):
        _, shape, dtype, fortran, content = part.state
        order = "F" if fortran else "C"
    elif isinstance(part, BufferArray):
        content, dtype, shape, order = part.args
    else:
        raise ValueError(f"{type(part).__name__} where an array belongs")
    if isinstance(content, list):
        return np.array([text_of(item) for item in content], dtype=str).reshape(shape, order=order)
    return plain_array(shape, dtype, content, order)


def text_of(item) -> str:
    """Return the text of an element of an array of Python objects."""
    if isinstance(item, Scalar):
        dtype, content = item.args
        return str(plain_array((), dtype, content))
    if not isinstance(item, str):
        raise ValueError(f"{type(item).__name__} where a name belongs")
    return item


def plain_array(shape: tuple, dtype: Dtype, content: bytes, order: str = "C") -> np.ndarray:
    """Return an array of numbers or text over the bytes; nothing that could hold objects."""
    code, byte_order = dtype.args[0], dtype.state[1]
    if code[0] not in "biufU":
        raise ValueError(f"an array of {code!r} where numbers or names belong")
    array = np.ndarray(shape, np.dtype(code).newbyteorder(byte_order), content, order=order)
    if array.dtype.kind == "U":
        # numpy does not check that its bytes are characters, and fails later, on those that are none.
        bytes(content).decode("utf-32-be" if byte_order == ">" else "utf-32-le")
    return array

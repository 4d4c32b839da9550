"""The YAML of a configuration, read without running anything in it, and with the place of every mistake.

Every Snakemake job parses this, so it imports little.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stat3act.problems import InputProblems, Problem, raise_if_any
from stat3act.user_tables import read_text

TOO_DEEP = "brackets or sections inside each other without end"
EXPRESSIONS = "__use_yte__"


def read_config(path: str | Path) -> dict[Any, Any]:
    """Read a configuration file.

    Parameters
    ----------
    path
        YAML, or JSON.

    Raises
    ------
    InputProblems
        When it cannot be read or is no YAML, asks for objects or for expressions to be run, or is not made of keys and
        values. Keys that occur twice are the business of `repeated_keys`.
    """
    file = str(path)
    text = read_text(path, file)
    found = None
    try:
        found = yaml.load(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise_if_any([_problem(file, error)])
    except (yaml.YAMLError, ValueError, TypeError) as error:
        mend = "put it in quotes if it is text; correct it if it is a number or a date"
        found = f"a value that cannot be read ({str(error).splitlines()[0].split(';')[0]})"
        raise_if_any([Problem(file, "", found, "YAML with keys and values", mend)])
    except RecursionError:
        raise_if_any([Problem(file, "", TOO_DEEP, "YAML with keys and values", "start from config/config.yaml")])
    if not isinstance(found, dict):
        value = "nothing" if found is None else f"a {type(found).__name__} without keys"
        mend = "write `cohort:`, `samples:`, `expression:`; config/config.yaml is an example"
        raise_if_any([Problem(file, "", value, "keys and values", mend)])
    if EXPRESSIONS in found:
        mend = "remove it, and write the values themselves"
        expected = "values; no expression of a configuration is run"
        raise_if_any([Problem(file, f"key `{EXPRESSIONS}`", "expressions to run", expected, mend)])
    return found


def _problem(file: str, error: yaml.MarkedYAMLError) -> Problem:
    """Say where and what a mistake in the YAML is."""
    mark = error.problem_mark or error.context_mark
    where = f"row {mark.line + 1}, column {mark.column + 1}" if mark else ""
    found = " ".join(filter(None, (error.context, error.problem)))
    mend = "correct the indentation, brackets or quotes there or in the rows before"
    if "'\\t'" in found:
        mend = "indent with blanks, not with tabs"
    elif "!!" in found or "python/" in found:
        mend = "remove the tag that begins with !: no object of a configuration is made"
    elif "single document" in found:
        mend = "remove the row `---` and what is below it"
    return Problem(file, where, found, "YAML with keys and values", mend)


def repeated_keys(path: str | Path) -> list[Problem]:
    """Return one problem for each key that a configuration file has twice: YAML would silently take the last.

    A file that is not there, or is no YAML, has none here.
    """
    if not Path(path).is_file():
        return []
    try:
        root = yaml.compose(read_text(path, str(path)), Loader=yaml.SafeLoader)
    except (InputProblems, yaml.YAMLError, RecursionError):
        return []
    mend = "keep one of the two"
    return [
        Problem(str(path), f"row {row}, key `{key}`", f"`{key}` again, as in row {first}", "each key once", mend)
        for row, key, first in _repeated(root)
    ]


def _repeated(root: yaml.Node | None) -> Iterator[tuple[int, str, int]]:
    """Yield row, key and first row of every key that a section has twice."""
    seen, nodes = set(), [root]
    while nodes:
        node = nodes.pop()
        # The same node may stand in several places, or in itself.
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
            continue
        first: dict[str, int] = {}
        for key, value in node.value:
            row = key.start_mark.line + 1
            # `<<` takes in another section, and may do so several times.
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in first:
                    yield row, key.value, first[key.value]
                first.setdefault(key.value, row)
            nodes.append(value)

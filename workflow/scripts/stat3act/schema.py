"""What a JSON Schema says about a configuration: its defaults, and its errors in a user's words."""

import difflib
import itertools
import math
import reprlib
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from stat3act.problems import Problem

TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section with keys",
    "null": "null",
}
BRIEF = reprlib.Repr()
BRIEF.maxlevel, BRIEF.maxdict, BRIEF.maxlist, BRIEF.maxstring, BRIEF.maxlong, BRIEF.maxother = 3, 9, 9, 80, 80, 80


def schema_problems(config: Mapping[str, Any], schema: Mapping[str, Any], file: str) -> list[Problem]:
    """Return everything the schema finds wrong with a configuration, in the order of its keys.

    Parameters
    ----------
    config
        The configuration.
    schema
        JSON Schema 2020-12.
    file
        Name of the configuration file, for the messages.
    """
    errors = Draft202012Validator(schema).iter_errors(config)
    ordered = sorted(errors, key=lambda error: ([str(part) for part in error.absolute_path], error.message))
    return [problem for error in ordered for problem in _problems_of(error, schema, file)]


def loose_numbers(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield dotted key and value of every number that is not finite: a schema cannot forbid them."""
    for key, value in config.items():
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{prefix}{key}", value
        elif isinstance(value, dict):
            yield from loose_numbers(value, f"{prefix}{key}.")


def fill_defaults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of ``config`` with the schema's defaults at every level.

    Parameters
    ----------
    config
        The configuration, or a section of it.
    schema
        The schema of the same section.
    """
    filled = deepcopy(dict(config))
    for key, part in schema.get("properties", {}).items():
        if key not in filled and "default" in part:
            filled[key] = deepcopy(part["default"])
        if isinstance(filled.get(key), dict) and "properties" in part:
            filled[key] = fill_defaults(filled[key], part)
        # JSON Schema takes 3.0 for a whole number, numpy does not.
        if "integer" in part.get("type", "") and isinstance(filled.get(key), float):
            filled[key] = int(filled[key])
    return filled


def lookup(config: Mapping[str, Any], dotted: str) -> Any:
    """Return the value of a dotted key such as ``expression.scale``; a missing key is a `KeyError`."""
    value: Any = config
    for key in dotted.split("."):
        value = value[key]
    return value


def default_of(schema: Mapping[str, Any], dotted: str) -> Any:
    """Return the default of a dotted key, with the nested defaults of a section filled in."""
    part: Any = schema
    for key in dotted.split("."):
        part = part["properties"][key]
    default = deepcopy(part.get("default"))
    return fill_defaults(default, part) if isinstance(default, dict) else default


def without_errors(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of ``config`` without the keys and values the schema objects to.

    A word that is nearly one of an enumeration is taken for it, so that the other checks can still be made.

    Parameters
    ----------
    config
        The configuration.
    schema
        JSON Schema 2020-12.
    """
    sound = deepcopy(dict(config))
    for error in Draft202012Validator(schema).iter_errors(config):
        path = list(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            for key in [key for key in error.instance if key not in known]:
                _drop(sound, [*path, key])
        elif error.validator == "enum" and (word := nearest(error.instance, error.validator_value)):
            _replace(sound, path, word)
        elif error.validator != "required":
            # An item of a list takes its whole list with it.
            _drop(sound, list(itertools.takewhile(lambda part: isinstance(part, str), path)))
    return sound


def _replace(config: dict[str, Any], path: list[str | int], word: str) -> None:
    """Set the value at the end of ``path``, unless another error has removed it already."""
    section: Any = config
    for key in path[:-1]:
        section = section.get(key, {}) if isinstance(section, dict) else section[key]
    if section:
        section[path[-1]] = word


def _drop(config: dict[str, Any], path: list[str | int]) -> None:
    """Remove the key at the end of ``path``, unless an outer error has removed it already."""
    section: Any = config
    for key in path[:-1]:
        section = section.get(key, {})
    section.pop(path[-1], None)


def short(value: object) -> str:
    """Return a value as a message shows it: quoted text, `nothing` for null, at most 80 characters."""
    if value is None:
        return "nothing (null)"
    # A few lines of YAML may stand for a value of any size, or for one that holds itself.
    text = repr(value) if isinstance(value, str) else BRIEF.repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(word: object, known: Collection[str]) -> str | None:
    """Return the known word most like ``word``, or None when none is alike."""
    text = str(word)
    if beginning := [name for name in known if len(text) > 2 and name.startswith(text)]:
        return beginning[0]
    return next(iter(difflib.get_close_matches(text, list(known), n=1, cutoff=0.6)), None)


def _problems_of(error: ValidationError, schema: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Yield the problems in one error of the validator, in the words of the configuration."""
    path = _dotted(error.absolute_path)
    describe = DESCRIBE.get(error.validator)
    if error.validator == "additionalProperties":
        unknown = [key for key in error.instance if key not in error.schema.get("properties", {})]
        for key in unknown:
            yield _unknown_key(path, key, error, schema, file)
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        # The validator reports each missing key by itself and quotes it in its message.
        key = next(key for key in missing if error.message.startswith(repr(key)))
        yield _missing_key(path, key, error.schema["properties"][key], file)
    elif describe:
        expected, mend = describe(error)
        yield Problem(file, f"key `{path}`", short(error.instance), expected, mend)
    else:
        yield Problem(file, f"key `{path}`", short(error.instance), error.message, "see config/README.md")


def _dotted(path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def _unknown_key(path: str, key: object, error: ValidationError, schema, file: str) -> Problem:
    here = sorted(error.schema.get("properties", {}))
    place = f"`{path}`" if path else "the top level"
    dotted = f"{path}.{key}" if path else str(key)
    elsewhere = [known for known in _all_keys(schema) if known.split(".")[-1] == key]
    if found := nearest(key, here):
        mend = f"write `{found}`, if that is what is meant"
    elif elsewhere:
        mend = f"this key belongs elsewhere: `{elsewhere[0]}`; mind the indentation"
    else:
        mend = "remove it; config/README.md lists every key"
    expected = f"one of the keys of {place}: {', '.join(here)}"
    return Problem(
        file,
        f"key `{dotted}`",
        f"an unknown key with the value {short(error.instance[key])}",
        expected,
        mend,
    )


def _all_keys(schema: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, part in schema.get("properties", {}).items():
        yield prefix + key
        yield from _all_keys(part, f"{prefix}{key}.")


def _missing_key(path: str, key: str, part: Mapping[str, Any], file: str) -> Problem:
    dotted = f"{path}.{key}" if path else key
    place = f" in section `{path}`" if path else ""
    examples = {"cohort": "my_cohort", "samples": "config/cohorts/my_cohort/samples.tsv"}
    meaning = part.get("description", "").split(". ")[0].rstrip(".")
    if part.get("type") == "object":
        mend = f"add the section `{key}:`, with " + " and ".join(f"`{name}:`" for name in part["required"])
        return Problem(file, f"key `{dotted}`", "nothing", f"a section: {meaning}", mend)
    if "enum" in part:
        words = ", ".join(part["enum"])
        mend = f"add the line `{key}: {part['enum'][0]}`{place}, or another of {words}"
    else:
        mend = f"add the line `{key}: {examples.get(key, '<value>')}`{place}"
    return Problem(file, f"key `{dotted}`", "nothing", meaning, mend)


def _describe_type(error: ValidationError) -> tuple[str, str]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    expected = " or ".join(TYPE_NAMES[kind] for kind in wanted)
    value = error.instance
    if value is None:
        return expected, "give it a value, or remove the line to get its default"
    if "string" in wanted and isinstance(value, (int, float)):
        return expected, f"put it in quotes: '{value}'"
    if isinstance(value, str) and {"number", "integer"} & set(wanted):
        return expected, "write the number without quotes, with a point as decimal mark"
    if "array" in wanted:
        return expected, f"write it as a list: [{value}]"
    return expected, f"write {expected}"


def _describe_enum(error: ValidationError) -> tuple[str, str]:
    allowed = [str(value) for value in error.validator_value]
    found = nearest(error.instance, allowed)
    return "one of " + ", ".join(
        allowed
    ), f"write `{found}`, if that is what is meant" if found else "choose one of these"


def _describe_pattern(error: ValidationError) -> tuple[str, str]:
    if "0-9a-f]{64}" in error.validator_value:
        return "64 hexadecimal digits", "take the first word that `sha256sum <file>` prints"
    return (
        "letters, digits, `_` and `-`, beginning with a letter or digit",
        "rename it; it becomes a folder's name",
    )


def _bound(words: str) -> Callable[[ValidationError], tuple[str, str]]:
    def describe(error: ValidationError) -> tuple[str, str]:
        default = error.schema.get("default")
        mend = f"correct the value (default {default})" if default is not None else "correct the value"
        return f"{words} {error.validator_value}", mend

    return describe


DESCRIBE: dict[str, Callable[[ValidationError], tuple[str, str]]] = {
    "type": _describe_type,
    "enum": _describe_enum,
    "pattern": _describe_pattern,
    "minimum": _bound("a number of at least"),
    "maximum": _bound("a number of at most"),
    "exclusiveMinimum": _bound("a number above"),
    "exclusiveMaximum": _bound("a number below"),
    "maxLength": lambda error: (f"at most {error.validator_value} characters", "shorten it"),
    "minItems": lambda error: (f"a list of {error.validator_value} or more", "add one, or remove the key"),
    "uniqueItems": lambda error: ("each item once", "remove what is there twice"),
}

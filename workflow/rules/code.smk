# The code of the workflow as an input: what a rule runs counts by content, however deep it is imported.
import ast
import hashlib
import os
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

SCRIPTS = "../scripts"
RULES = workflow.current_basedir
# Fingerprint of the code of each rule so far, by the name of its script, which is that of the rule.
CODE = {}


def read_source(path):
    """Return the text of a file of the workflow, and put it into the source cache; None if there is none."""
    try:
        return Path(workflow.source_path(path)).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, WorkflowError):
        return None


@cache
def imported_modules(text):
    """Name everything of stat3act that a source text imports, parents first."""
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    parts = [name.split(".") for name in names if name.split(".")[0] == "stat3act"]
    return sorted({".".join(part[:depth]) for part in parts for depth in range(1, len(part) + 1)})


@cache
def module_source(name):
    """Return the text of a module of stat3act; None when the name is a function or class inside one."""
    path = f"{SCRIPTS}/{name.replace('.', '/')}"
    package = read_source(f"{path}/__init__.py")
    return read_source(f"{path}.py") if package is None else package


def sources(text):
    """Return the texts of all modules of stat3act that a source text imports, however deep, by name."""
    found, queue = {}, imported_modules(text)
    while queue:
        name = queue.pop()
        if name not in found:
            found[name] = module_source(name)
            queue += imported_modules(found[name]) if found[name] else []
    return {name: found[name] for name in sorted(found) if found[name]}


@cache
def fingerprint(script, *files):
    """Return a hash of a script, of every module of stat3act behind it, and of the bundled files it reads.

    Snakemake looks at a script's time stamp and not at imported modules; this tracks both by content, and makes
    the modules available when the workflow is deployed from a remote repository.
    """
    text = read_source(f"{SCRIPTS}/{script}")
    parts = [text, *sources(text).values()]
    parts += [read_source(f"../../{path}") for path in files]
    CODE[Path(script).stem] = hashlib.sha256("\n".join(part.strip() for part in parts).encode()).hexdigest()[:16]
    return CODE[Path(script).stem]


def bundled(path):
    """Return the path of a file of the workflow; its content counts through `fingerprint`, not its time stamp."""
    local = Path(RULES.get_path_or_uri(secret_free=True)).parent.parent / path
    # Relative, so that a project folder can be moved; a workflow deployed from afar has the file in its source cache.
    return ancient(os.path.relpath(local) if local.exists() else workflow.source_path(f"../../{path}"))


def workflow_version():
    """Return the version of the workflow, as its citation file has it."""
    return yaml.safe_load(read_source("../../CITATION.cff"))["version"]

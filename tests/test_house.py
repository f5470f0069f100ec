"""How files depend on each other: what import-linter does not ask."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("collectors", "checks", "reports", "flows", "lab")


def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules that a file imports, also inside functions and for types only."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in inner)


def test_no_circle_of_imports_even_inside_functions() -> None:
    known = modules()
    graph = {name: set(imported(file, known)) - {name} for name, file in known.items()}
    assert len(graph) > 200 and graph["flows.cli"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle of imports: {' -> '.join(error.args[1])}") from error


def test_reports_name_no_module_of_a_cloud() -> None:
    known = modules()
    clouds = tuple(f"collectors.{cloud}" for cloud in ("aws", "azure", "gcp", "clearblade"))
    for name, file in known.items():
        if name.startswith(("checks", "reports")):
            assert not [found for found in imported(file, known) if found.startswith(clouds)], name


def test_the_registry_knows_every_collector_without_an_sdk() -> None:
    asked = "import sys, collectors.registry; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(run.stdout.split())
    assert "collectors.aws.iam" in loaded
    assert not {"azure.core", "boto3", "botocore", "google.api_core", "google.auth", "googleapiclient"} & loaded

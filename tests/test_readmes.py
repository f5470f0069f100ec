"""Each folder's README says what the code says, and the README of the house is short."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from readmes import MARK, READMES

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("folder", READMES)
def test_the_tables_of_a_folders_readme_are_those_of_the_code(folder: str) -> None:
    file = ROOT / folder / "README.md"
    written, _, generated = file.read_text(encoding="utf-8").partition(MARK)
    lines = list(READMES[folder]())
    wanted = "\n" + "\n".join(lines).rstrip() + "\n"
    if os.environ.get("WRITE_GOLDEN"):
        file.write_text(written + MARK + wanted, encoding="utf-8")
        generated = wanted
    stale = set(generated.splitlines()) ^ set(wanted.splitlines())
    assert generated == wanted, f"{folder}/README.md is not what the code says: {sorted(stale)[:5]}; {MARK}"
    assert len(written.strip().splitlines()) >= 20, "what a reader needs to know stands above the tables"


def test_the_readme_of_the_house_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert max(map(len, text.splitlines())) <= 160
    for folder in ("", *READMES):
        page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        links = re.findall(r"\]\(((?!https?://|#)[^)#]+)", page)
        assert folder or len(links) >= len(READMES)
        for link in links:
            assert (ROOT / folder / link).exists(), f"{folder}/README.md: {link}"

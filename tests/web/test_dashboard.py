"""The dashboard in a real browser, served by a real collector that real agents told ten days of calls."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator

import pytest

from browser import WEB, drive
from organisation import Organisation, organisation


@pytest.fixture(scope="module", name="there")
def fixture_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organisation]:
    with organisation(tmp_path_factory.mktemp("dashboard")) as there:
        yield there


def run(there: Organisation, script: str, **environment: str) -> dict[str, Any]:
    assert there.centre.daemon and there.centre.daemon.process.poll() is None
    told = drive(script, there.centre.url, view=there.view, admin=there.admin, home=there.home, hosts=there.hosts,
                 **environment)
    for name, value in told.items():
        print(f"{name}: {value}")
    return told


def keys() -> list[str]:
    """The names of texts, none of which may be seen."""
    return re.findall(r"^  '([a-z]\w*\.[\w.]+)':", (WEB / "src" / "text" / "en.ts").read_text(), re.MULTILINE)


def test_every_page_is_whole_in_both_languages_and_themes(there: Organisation) -> None:
    assert len(keys()) > 50
    run(there, "pages.mjs", KEYS=json.dumps(keys()))

"""proto/vectors/ read by a decoder that shares nothing with ours but the schema: protobuf's own, and wire_decode.py."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

import wire_decode

VECTORS = wire_decode.PROTO / "vectors"


@pytest.fixture(scope="module", name="schema")
def fixture_schema(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return wire_decode.schema(tmp_path_factory.mktemp("schema"))


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.bin")), ids=lambda path: path.stem)
def test_vector(schema: ModuleType, path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    decode = wire_decode.DECODERS[expected["message"]]
    assert decode(schema, path.read_bytes()) == expected


def test_every_vector_has_its_meaning() -> None:
    stems = {path.stem for path in VECTORS.glob("*.bin")}
    assert len(stems) >= 10
    assert stems == {path.stem for path in VECTORS.glob("*.json")}

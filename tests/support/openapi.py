"""Holds answers of the HTTP interface against its description, collector/api/openapi.json.

Knows as much of JSON Schema as the description uses: $ref, type (one or several), enum, const, properties, required,
additionalProperties, items, anyOf, minimum, maximum, minItems, maxItems, minLength, maxLength, pattern, and
format date-time. A keyword that it does not know fails, so that no promise goes unchecked.
"""

import json
import pathlib
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
SAYS_NOTHING = {"description", "examples", "example", "default", "title"}


class Operation(NamedTuple):
    method: str
    path: str
    about: Dict[str, Any]


class Description:
    def __init__(self, document: Dict[str, Any]) -> None:
        self.document = document

    @classmethod
    def load(cls, path: pathlib.Path) -> "Description":
        return cls(json.loads(path.read_text(encoding="utf-8")))

    # ---- what there is ----

    def operations(self) -> Iterator[Operation]:
        for path, methods in self.document["paths"].items():
            for method, about in methods.items():
                yield Operation(method.upper(), path, about)

    def find(self, method: str, path: str) -> Operation:
        """Of a path as it is asked for: "/api/v1/sites/a" is "/api/v1/sites/{id}"."""
        for operation in self.operations():
            pattern = re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(operation.path))
            if operation.method == method and re.fullmatch(pattern, path):
                return operation
        raise AssertionError(f"{method} {path} is not described")

    def resolve(self, node: Dict[str, Any]) -> Dict[str, Any]:
        while "$ref" in node:
            name = node["$ref"]
            assert name.startswith("#/"), name
            found: Any = self.document
            for part in name[2:].split("/"):
                assert part in found, f"{name} leads nowhere"
                found = found[part]
            node = found
        return node

    def parameters(self, operation: Operation) -> List[Dict[str, Any]]:
        return [self.resolve(item) for item in operation.about.get("parameters", [])]

    # ---- answers ----

    def check_answer(self, method: str, path: str, code: int, kind: str, body: bytes) -> None:
        """Code, content type and body as the description says."""
        operation = self.find(method, path)
        responses = operation.about["responses"]
        assert str(code) in responses, f"{method} {path}: {code} is not described: {body[:300]!r}"
        content = self.resolve(responses[str(code)]).get("content", {})
        assert kind in content, f"{method} {path} {code}: {kind} is not described"
        schema = content[kind].get("schema", {})
        value = json.loads(body) if kind == "application/json" else body.decode("utf-8")
        faults = self.faults(value, schema)
        assert not faults, f"{method} {path} {code}:\n" + "\n".join(faults[:20])

    def faults(self, value: Any, schema: Dict[str, Any], at: str = "") -> List[str]:
        found: List[str] = []
        for key, wish in schema.items():
            if key not in SAYS_NOTHING:
                check = getattr(self, "_" + key.lstrip("$"), None)
                assert check is not None, f"the checker does not know {key}"
                found += check(value, wish, schema, at or "the answer")
        return found

    def _ref(self, value: Any, _wish: Any, schema: Dict[str, Any], at: str) -> List[str]:
        return self.faults(value, self.resolve({"$ref": schema["$ref"]}), at)

    def _type(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        names = wish if isinstance(wish, list) else [wish]
        return [] if any(TYPES[name](value) for name in names) else [f"{at}: {value!r:.60} is no {'/'.join(names)}"]

    def _enum(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return [] if value in wish else [f"{at}: {value!r:.60} is none of {wish}"]

    def _const(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return [] if value == wish else [f"{at}: {value!r:.60} is not {wish!r}"]

    def _anyOf(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        all_faults = [self.faults(value, one, at) for one in wish]
        return [] if any(not faults for faults in all_faults) else min(all_faults, key=len)

    def _required(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return [f"{at}: {name} is missing" for name in wish if isinstance(value, dict) and name not in value]

    def _properties(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        found: List[str] = []
        for name, schema in wish.items():
            if isinstance(value, dict) and name in value:
                found += self.faults(value[name], schema, f"{at}.{name}")
        return found

    def _additionalProperties(self, value: Any, wish: Any, schema: Dict[str, Any], at: str) -> List[str]:
        found: List[str] = []
        more = [name for name in value if name not in schema.get("properties", {})] if isinstance(value, dict) else []
        for name in more:
            found += [f"{at}: {name} is not described"] if wish is False else self.faults(
                value[name], wish if isinstance(wish, dict) else {}, f"{at}.{name}")
        return found

    def _items(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        found: List[str] = []
        for i, item in enumerate(value if isinstance(value, list) else []):
            found += self.faults(item, wish, f"{at}[{i}]")
        return found

    def _bounds(self, fine: bool, at: str, text: str) -> List[str]:
        return [] if fine else [f"{at}: {text}"]

    def _minimum(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return self._bounds(not TYPES["number"](value) or value >= wish, at, f"{value} is below {wish}")

    def _maximum(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return self._bounds(not TYPES["number"](value) or value <= wish, at, f"{value} is above {wish}")

    def _minItems(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return self._bounds(not isinstance(value, list) or len(value) >= wish, at, f"fewer than {wish}")

    def _maxItems(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return self._bounds(not isinstance(value, list) or len(value) <= wish, at, f"more than {wish}")

    def _maxLength(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return self._bounds(not isinstance(value, str) or len(value) <= wish, at, f"longer than {wish}")

    def _pattern(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        return self._bounds(not isinstance(value, str) or re.search(wish, value) is not None, at, f"{value!r:.60}")

    def _format(self, value: Any, wish: Any, _schema: Dict[str, Any], at: str) -> List[str]:
        assert wish == "date-time", f"the checker does not know the format {wish}"
        return self._bounds(not isinstance(value, str) or MOMENT.match(value) is not None, at, f"{value!r:.60}")

    # ---- the description itself ----

    def faults_of_itself(self) -> List[str]:
        """References that lead nowhere, parts that nothing uses, and what a reader needs and is not there."""
        found: List[str] = []
        used = set()
        for node in _maps(self.document):
            if "$ref" in node:
                used.add(node["$ref"])
                try:
                    self.resolve(node)
                except AssertionError as fault:
                    found.append(str(fault))
        for kind in ("parameters", "responses", "schemas"):
            for name in self.document["components"][kind]:
                if f"#/components/{kind}/{name}" not in used:
                    found.append(f"nothing uses {kind}/{name}")
        for operation in self.operations():
            found += self._faults_of_operation(operation)
        return found

    def _faults_of_operation(self, operation: Operation) -> List[str]:
        at = f"{operation.method} {operation.path}"
        found = [f"{at} has no {key}" for key in ("operationId", "summary", "tags", "responses")
                 if not operation.about.get(key)]
        tags = {tag["name"] for tag in self.document["tags"]}
        found += [f"{at}: the tag {tag} is not described" for tag in operation.about["tags"] if tag not in tags]
        names: List[Tuple[Optional[str], str]] = []
        for item in self.parameters(operation):
            found += [f"{at}: parameter {item.get('name')} has no {key}" for key in ("description", "schema", "example")
                      if key not in item]
            found += self.faults(item["example"], item["schema"], f"{at}: example of {item['name']}")
            names.append((item["in"], item["name"]))
        found += [f"{at}: a parameter comes twice"] if len(set(names)) < len(names) else []
        return found


def _maps(node: Any) -> Iterator[Dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _maps(child)

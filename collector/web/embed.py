#!/usr/bin/env python3
"""Makes the C table of collector/api/asset.h from the built dashboard and the description of the interface.

usage: embed.py DIST OPENAPI OUT.c        (DIST "-": no dashboard was built, a page says so)
"""

import gzip
import hashlib
import json
import pathlib
import re
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
NO_DASHBOARD = b"""<!doctype html><html lang="en"><title>Ringside</title><p>This collector was built without its
dashboard. The interface is there: see /api/v1/openapi.json."""
HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$")  # vite puts a hash of the content into the name


def files_of(dist):
    if dist == "-":
        return [("/index.html", NO_DASHBOARD)]
    root = pathlib.Path(dist)
    found = [("/" + str(path.relative_to(root)), path.read_bytes()) for path in root.rglob("*") if path.is_file()]
    if not any(name == "/index.html" for name, _ in found):
        sys.exit(f"embed.py: {dist} has no index.html")
    return sorted(found)


def array(name, data, static=True):
    rows = [", ".join(map(str, data[at:at + 24])) for at in range(0, len(data), 24)]
    return f"{'static ' if static else ''}const uint8_t {name}[] = {{\n" + ",\n".join(rows) + "};\n"


def entry(number, path, plain, packed):
    suffix = pathlib.PurePosixPath(path).suffix
    if suffix not in TYPES:
        sys.exit(f"embed.py: {path}: of what type is that?")
    etag = hashlib.sha256(plain).hexdigest()[:20]
    immutable = "true" if path.startswith("/assets/") and HASHED.search(path) else "false"
    return (f'    {{.path = {json.dumps(path)}, .type = "{TYPES[suffix]}", .etag = "\\"{etag}\\"", '
            f".immutable = {immutable}, .gzip = packed_{number}, .gzip_len = {len(packed)}, .len = {len(plain)}}},\n")


def main():
    dist, openapi, out = sys.argv[1:]
    text = ['#include "collector/api/asset.h"\n\n']
    entries = []
    for number, (path, plain) in enumerate(files_of(dist)):
        packed = gzip.compress(plain, 9, mtime=0)
        text.append(array(f"packed_{number}", packed))
        entries.append(entry(number, path, plain, packed))
    text.append("const struct asset asset_table[] = {\n" + "".join(entries) + "};\n")
    text.append("const size_t asset_count = sizeof asset_table / sizeof asset_table[0];\n\n")
    description = json.dumps(json.loads(pathlib.Path(openapi).read_text(encoding="utf-8")), ensure_ascii=False,
                             separators=(",", ":")).encode()
    text.append(array("asset_openapi", description, static=False))
    text.append("const size_t asset_openapi_len = sizeof asset_openapi;\n")
    pathlib.Path(out).write_text("".join(text), encoding="ascii")


if __name__ == "__main__":
    main()

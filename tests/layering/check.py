#!/usr/bin/env python3
"""Checks that no #include goes where the architecture has no arrow.

docs/architecture.md has the picture, MODULES and THIRD_PARTY below are its exact form. A module is a directory; what
lies deeper belongs to it too, except in agent/ and collector/, where every stage has its own entry. Run without
arguments for the repository, or with another root. Prints one line a violation and exits 1 if there was any.
"""

import pathlib
import re
import sys
from typing import Iterator, NamedTuple, Optional

BASE = "platform/base"
EVENT = "agent/event"

# module -> the modules it may include. Every directory with C files must be covered.
MODULES = {
    BASE: set(),
    "platform/time": {BASE},
    "platform/loop": {BASE},
    "platform/file": {BASE},
    "platform/kv": {BASE},
    "platform/tls": {BASE},
    "platform/json": {BASE},
    "platform/config": {BASE},
    "platform/service": {BASE},
    "platform/coap": {BASE},
    "platform/net": {"platform/loop", "platform/tls", BASE},
    "proto": {BASE},
    "proto/report": {"proto", "platform/json", "platform/time", BASE},
    "proto/alert": {"proto", "platform/config", "platform/json", "platform/time", BASE},
    EVENT: {BASE},
    "agent/source": {EVENT, BASE, "platform/loop", "platform/file"},
    "agent/witness": {EVENT, BASE},
    "agent/roster": {EVENT, "proto", BASE},
    "agent/live": {EVENT, "proto", BASE},
    "agent/track": {EVENT, "proto", BASE},
    "agent/kpi": {EVENT, "proto", BASE},
    "agent/ledger": {EVENT, "proto", BASE, "platform/kv"},
    "agent/credentials": {"proto", "platform/tls", "platform/file", BASE},
    "agent/sync": {"agent/ledger", "agent/live", "agent/credentials", EVENT, "proto", "platform/coap", "platform/tls", "platform/loop",
                   "platform/time", BASE},
    "agent/status": {"agent/ledger", "agent/live", EVENT, "proto", "proto/report", "platform/coap", "platform/json", "platform/time", BASE},
    "agent/cli": {"agent/status", "agent/ledger", EVENT, "proto", "proto/report", "platform/coap", "platform/json", "platform/time",
                  BASE},
    "agent/alert": {"agent/ledger", "agent/live", EVENT, "proto", "proto/alert", "platform/json", "platform/time", BASE},
    "agent": {"agent/*", "proto", "proto/*", "platform/*"},
    "collector/registry": {"proto", "platform/kv", BASE},
    "collector/identity": {"collector/registry", "proto", "platform/tls", "platform/file", BASE},
    "collector/admit": {"proto", BASE},
    "collector/rollup": {"proto", BASE},
    "collector/store": {"collector/rollup", "proto", "platform/kv", BASE},
    "collector/ingest": {"collector/admit", "collector/registry", "collector/identity", "collector/store", "proto",
                         "platform/coap", "platform/tls", "platform/loop", "platform/time", BASE},
    "collector/query": {"collector/store", "collector/rollup", "collector/registry", "proto", "proto/report",
                        "platform/json", "platform/time", BASE},
    "collector/api": {"collector/query", "collector/registry", "proto", "proto/report", "platform/json", "platform/time",
                      "platform/tls", "platform/file", BASE},
    "collector/alert": {"collector/query", "proto", "proto/alert", "proto/report", "platform/config", "platform/file",
                        "platform/json", "platform/time", "platform/tls", BASE},
    "collector": {"collector/*", "proto", "proto/*", "platform/*"},
    "tests": {"agent", "agent/*", "collector", "collector/*", "proto", "proto/*", "platform/*"},
}

# Their own files only wire the stages below them.
PIPELINES = {"agent", "collector"}

# These touch nothing but memory: C11's headers only, so that the same code runs in tests, replay and fuzzers.
PURE = {BASE, "proto", EVENT, "agent/track", "agent/kpi", "agent/witness", "agent/roster", "collector/admit", "collector/rollup"}

# header, or directory of headers -> the one place that includes it (a module, or one file of it)
THIRD_PARTY = {
    "uv.h": "platform/loop",
    "lmdb.h": "platform/kv",
    "mbedtls/": "platform/tls",
    "psa/": "platform/tls",
    "coap3/": "platform/coap",
    "confuse.h": "platform/config",
    "jansson.h": "platform/json",
    "zlib.h": "platform/file",
    "protobuf-c/": "proto",
    "microhttpd.h": "collector/api",
    "curl/": "collector/alert",
    "libpq-fe.h": "collector/store/store_postgres.c",
    "cmocka.h": "tests",
    "seccomp.h": "platform/service",
    "ncurses.h": "agent/cli",
    "curses.h": "agent/cli",
    "term.h": "agent/cli",
}

# (file, header or directory of headers): what one file outside of that place may include all the same, and why
EXCEPTIONS = {
    ("tests/bench/bench_tls.c", "mbedtls/"): "measures the library itself, as a yardstick for ours",
}

C11 = {f"{name}.h" for name in """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar
    wctype""".split()}
SYSTEM = {f"{name}.h" for name in """dirent dlfcn endian fcntl fnmatch ftw getopt glob grp ifaddrs libgen malloc
    netdb poll pthread pwd regex sched search semaphore spawn strings sysexits syslog termios unistd utime""".split()}
COMPILER = {"emmintrin.h", "immintrin.h", "arm_neon.h"}
SYSTEM_DIRS = ("sys/", "netinet/", "arpa/", "net/", "linux/")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class Violation(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Include(NamedTuple):
    line: int
    quoted: Optional[str]
    angled: Optional[str]


def module_of(path: str) -> Optional[str]:
    """The longest entry of MODULES that the path lies in."""
    parts = path.split("/")[:-1]
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in MODULES:
            return name if name not in PIPELINES or length == len(parts) else None
    return None


def may_use(user: str, used: str) -> bool:
    """Whether `user` may include headers of `used`. "agent/*" in the table means every stage, not agent/ itself."""
    if user == used:
        return True
    parent = used.rpartition("/")[0]
    return used in MODULES[user] or (parent != "" and f"{parent}/*" in MODULES[user])


def includes_of(text: str) -> Iterator[Include]:
    text = COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    for match in INCLUDE.finditer(text):
        yield Include(text.count("\n", 0, match.start()) + 1, match.group(1), match.group(2))


def third_party(header: str) -> Optional[str]:
    for name, owner in THIRD_PARTY.items():
        if header == name or (name.endswith("/") and header.startswith(name)):
            return owner
    return None


def is_exception(path: str, header: str) -> bool:
    return any(path == file and (header == name or (name.endswith("/") and header.startswith(name)))
               for file, name in EXCEPTIONS)


def check_angled(path: str, module: str, header: str) -> Optional[str]:
    if header in C11 or header in COMPILER or is_exception(path, header):
        return None
    owner = third_party(header)
    if owner:
        if path != owner and module != owner:
            return f"<{header}> belongs to {owner} alone"
        if path.endswith(".h") and not path.endswith("_internal.h") and module != "tests":
            return f"<{header}> in a header shows other modules a third party's types"
        return None
    if header in SYSTEM or header.startswith(SYSTEM_DIRS):
        return f"{module} may include C11's headers only, not <{header}>" if module in PURE else None
    return f"<{header}> is neither C11, nor the system's, nor in the table of third-party headers"


def check_quoted(root: pathlib.Path, path: str, module: str, header: str) -> Optional[str]:
    used = module_of(header)
    if header.endswith(".pb-c.h"):
        return None if module == "proto" and path.endswith(".c") else f'"{header}" belongs into .c files of proto alone'
    if used is None or not (root / header).is_file():
        return f'"{header}" is not a path from the top of the repository'
    if not header.endswith(".h"):
        return f'"{header}" is not a header'
    if header.endswith("_internal.h") and used != module:
        return f'"{header}" is internal to {used}'
    if not may_use(module, used):
        return f'{module} may not use {used} ("{header}")'
    return None


def check_file(root: pathlib.Path, path: str) -> Iterator[Violation]:
    module = module_of(path)
    if module is None:
        yield Violation(path, 1, "lies in no module of tests/layering/check.py")
        return
    text = (root / path).read_text(encoding="utf-8")
    found = list(includes_of(text))
    for include in found:
        if include.quoted:
            fault = check_quoted(root, path, module, include.quoted)
        else:
            fault = check_angled(path, module, include.angled)
        if fault:
            yield Violation(path, include.line, fault)

    own = path[:-2] + ".h"
    if path.endswith(".c") and (root / own).is_file() and (not found or found[0].quoted != own):
        yield Violation(path, found[0].line if found else 1, f'"{own}" must be the first include')
    guard = "RINGSIDE_" + re.sub(r"[/.]", "_", path).upper()
    if path.endswith(".h") and f"#ifndef {guard}\n#define {guard}\n" not in text:
        yield Violation(path, 1, f"the include guard must be {guard}")


def check(root: pathlib.Path) -> list[Violation]:
    tops = sorted({name.split("/")[0] for name in MODULES})
    paths = [path.relative_to(root).as_posix() for top in tops for path in sorted((root / top).rglob("*.[ch]"))]
    return [violation for path in paths for violation in check_file(root, path)]


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    violations = check(root)
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())

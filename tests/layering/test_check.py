#!/usr/bin/env python3
"""Plants violations in a small tree and sees that the layering check names each, and nothing else."""

import pathlib
import tempfile
import unittest

import check


def header(path: str, body: str = "") -> str:
    guard = "RINGSIDE_" + path.replace("/", "_").replace(".", "_").upper()
    return f"#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


GOOD = {
    "platform/base/buf.h": header("platform/base/buf.h", "#include <stddef.h>"),
    "platform/kv/kv.h": header("platform/kv/kv.h", '#include "platform/base/buf.h"'),
    "platform/kv/kv_internal.h": header("platform/kv/kv_internal.h", "#include <lmdb.h>"),
    "platform/kv/kv.c": '#include "platform/kv/kv.h"\n#include <lmdb.h>\n#include <unistd.h>\n',
    "platform/coap/coap_client.h": header("platform/coap/coap_client.h"),
    "platform/config/options.h": header("platform/config/options.h"),
    "proto/summary.h": header("proto/summary.h"),
    "proto/summary.c": '#include "proto/summary.h"\n#include "proto/ringside.pb-c.h"\n',
    "agent/event/event.h": header("agent/event/event.h"),
    "agent/source/queue_log.h": header("agent/source/queue_log.h", '#include "agent/event/event.h"'),
    "agent/track/track.h": header("agent/track/track.h", '#include "agent/event/event.h"'),
    "agent/ledger/ledger.h": header("agent/ledger/ledger.h", '#include "agent/event/event.h"'),
    "agent/agent.h": header("agent/agent.h"),
    "agent/main.c": '#include "agent/ledger/ledger.h"\n#include "platform/config/options.h"\n',
    "tests/bench/bench_tls.c": "#include <mbedtls/ssl.h>\n",
    "tests/unit/kv/test_kv.c": "#include <cmocka.h>\n" '#include "platform/kv/kv.h"\n',
}

# what is wrong -> (file, its text, line, part of the message)
PLANTED = {
    "an arrow upstream": ("agent/source/a.c", '\n#include "agent/track/track.h"\n', 2,
                          "agent/source may not use agent/track"),
    "a stage that knows the wiring": ("agent/ledger/a.c", '#include "platform/config/options.h"\n', 1,
                                      "agent/ledger may not use platform/config"),
    "a stage that knows the whole": ("agent/kpi/a.c", '#include "agent/agent.h"\n', 1, "may not use agent"),
    "a room that knows another": ("platform/kv/a.c", '#include "platform/coap/coap_client.h"\n', 1,
                                  "platform/kv may not use platform/coap"),
    "the agent in the collector": ("collector/main.c", '#include "agent/event/event.h"\n', 1,
                                   "collector may not use agent/event"),
    "a second user of LMDB": ("agent/ledger/b.c", "# include <lmdb.h>\n", 1, "<lmdb.h> belongs to platform/kv alone"),
    "libcoap from a deeper path": ("agent/sync/a.c", "#include <coap3/coap.h>\n", 1, "belongs to platform/coap"),
    "libpq outside its file": ("collector/store/store.c", "#include <libpq-fe.h>\n", 1,
                               "belongs to collector/store/store_postgres.c"),
    "another yardstick": ("tests/bench/bench_coap.c", "#include <mbedtls/ssl.h>\n", 1, "belongs to platform/tls alone"),
    "the yardstick with another library": ("tests/bench/bench_tls.c", "#include <lmdb.h>\n", 1,
                                           "belongs to platform/kv alone"),
    "protobuf outside proto": ("agent/sync/b.c", '#include "proto/ringside.pb-c.h"\n', 1, "belongs into .c files of"),
    "third-party types in a header": ("platform/kv/open.h", header("platform/kv/open.h", "#include <lmdb.h>"), 3,
                                      "third party's types"),
    "a second HTTP server": ("collector/ingest/a.c", "#include <microhttpd.h>\n", 1, "belongs to collector/api alone"),
    "a second HTTP client": ("agent/hook.c", "#include <curl/curl.h>\n", 1, "belongs to collector/alert alone"),
    "an unknown library": ("agent/agent_b.c", "#include <sqlite3.h>\n", 1, "neither C11"),
    "the system in a pure module": ("agent/track/a.c", "#include <unistd.h>\n", 1, "C11's headers only"),
    "an include relative to the file": ("agent/track/b.c", '#include "track.h"\n', 1, "from the top"),
    "an include that does not exist": ("agent/track/c.c", '#include "agent/event/gone.h"\n', 1, "from the top"),
    "an included source": ("tests/unit/kv/test_b.c", '#include "platform/kv/kv.c"\n', 1, "not a header"),
    "somebody else's internals": ("tests/unit/kv/test_c.c", '#include "platform/kv/kv_internal.h"\n', 1, "internal to"),
    "the own header not first": ("agent/track/track.c", '#include <stdint.h>\n#include "agent/track/track.h"\n', 1,
                                 "must be the first include"),
    "a wrong guard": ("agent/event/leg.h", "#ifndef LEG_H\n#define LEG_H\n#endif\n", 1, "RINGSIDE_AGENT_EVENT_LEG_H"),
    "a stage nobody knows": ("agent/magic/magic.c", "#include <stdint.h>\n", 1, "lies in no module"),
    "a room nobody knows": ("platform/gui/gui.c", "#include <stdint.h>\n", 1, "lies in no module"),
}


class LayeringTest(unittest.TestCase):
    def check_tree(self, files: dict[str, str]) -> list[check.Violation]:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            return check.check(root)

    def test_a_good_tree_passes(self):
        self.assertEqual(self.check_tree(GOOD), [])

    def test_every_planted_violation_is_found(self):
        for what, (path, text, line, message) in PLANTED.items():
            with self.subTest(what):
                violations = self.check_tree({**GOOD, path: text})
                self.assertEqual([(v.path, v.line) for v in violations], [(path, line)], violations)
                self.assertIn(message, violations[0].text)

    def test_comments_do_not_count(self):
        text = '/* as in\n#include "agent/track/track.h"\n*/\n'
        self.assertEqual(self.check_tree({**GOOD, "agent/source/a.c": text}), [])

    def test_the_table_has_no_cycle(self):
        names = sorted(check.MODULES)
        arrows = {user: {used for used in names if used != user and check.may_use(user, used)} for user in names}
        while arrows:
            leaves = {name for name, used in arrows.items() if not used}
            self.assertTrue(leaves, f"a cycle among {sorted(arrows)}")
            arrows = {name: used - leaves for name, used in arrows.items() if name not in leaves}

    def test_one_owner_and_only_known_modules(self):
        for module, used in check.MODULES.items():
            for name in used:
                self.assertTrue(name in check.MODULES or name.endswith("/*"), f"{module} uses unknown {name}")
        for owner in check.THIRD_PARTY.values():
            self.assertIsNotNone(check.module_of(owner + "/x"), owner)

    def test_exceptions_are_of_the_table_and_in_use(self):
        root = pathlib.Path(check.__file__).resolve().parents[2]
        for path, name in check.EXCEPTIONS:
            self.assertIn(name, check.THIRD_PARTY)
            text = (root / path).read_text(encoding="utf-8")
            used = [include.angled for include in check.includes_of(text) if include.angled]
            self.assertTrue(any(header.startswith(name) for header in used), f"{path} does not include <{name}")


if __name__ == "__main__":
    unittest.main()

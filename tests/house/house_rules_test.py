"""Each rule of the house finds what it is there to find, and lets pass what is right."""
import unittest

import rules


class Rules(unittest.TestCase):
    def found(self, rule, tree):
        return list(rule(tree))

    def test_includes_point_one_way(self):
        rule = rules.includes_point_one_way
        include = '#include "{}"\n'.format
        for path, header in (
            ("src/base/a.cc", "model/item.h"),
            ("src/ports/a.h", "plan/plan.h"),
            ("src/flow/a.cc", "adapters/sqlite/s.h"),
            ("src/flow/a.cc", "report/table.h"),
            ("src/phases/a.cc", "cli/options.h"),
            ("src/adapters/openai/a.cc", "adapters/pinecone/p.h"),
            ("src/cli/verb_run.cc", "adapters/sqlite/s.h"),
            ("src/pinecone_local/a.cc", "ports/vector_store.h"),
            ("src/strange/a.cc", "base/error.h"),
        ):
            self.assertEqual(len(self.found(rule, {path: include(header)})), 1, (path, header))
        for path, header in (
            ("src/flow/a.cc", "journal/ledger.h"),
            ("src/adapters/openai/a.cc", "adapters/http/http_client.h"),
            ("src/adapters/openai/a.cc", "adapters/openai/o.h"),
            ("src/cli/wiring.cc", "adapters/sqlite/s.h"),
            ("src/cli/a_test.cc", "adapters/sqlite/s.h"),
        ):
            self.assertEqual(self.found(rule, {path: include(header)}), [], (path, header))

    def test_time_chance_and_environment_are_injected(self):
        rule = rules.time_chance_and_environment_are_injected
        for code in ("auto t = std::chrono::steady_clock::now();", "std::this_thread::sleep_for(x);", "int r = rand();",
                     'std::getenv("X")', "std::random_device d;", 'std::format("x")'):
            self.assertEqual(len(self.found(rule, {"src/flow/a.cc": code})), 1, code)
        self.assertEqual(self.found(rule, {"src/base/clock.cc": "steady_clock::now()"}), [])
        self.assertEqual(self.found(rule, {"src/flow/a.cc": "// never steady_clock::now()\nOperand(1);"}), [])

    def test_c_libraries_have_one_door(self):
        rule = rules.c_libraries_have_one_door
        two = {"src/adapters/sqlite/a.cc": "#include <sqlite3.h>\n", "src/adapters/sqlite/b.cc": "#include <sqlite3.h>\n"}
        self.assertEqual(len(self.found(rule, two)), 1)
        self.assertEqual(self.found(rule, dict(list(two.items())[:1])), [])

    def test_code_knows_no_mission_names(self):
        rule = rules.code_knows_no_mission_names
        tree = {
            "plans/portfolio.yaml": "items:\n  from: old_things\n  quarantine_max: 0\n  id: {item_id}\n",
            "src/plan/keys.h": '"quarantine_max"',
            "src/flow/a.cc": 'Scan("old_things");\nUse("item_id"); Use("quarantine_max");',
        }
        problems = self.found(rule, tree)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("src/flow/a.cc:1: old_things", problems[0])

    def test_nothing_is_unfinished(self):
        marker = "TO" + "DO"
        self.assertEqual(len(self.found(rules.nothing_is_unfinished, {"src/a.cc": f"// {marker} later"})), 1)

    def test_files_begin_as_agreed(self):
        rule = rules.files_begin_as_agreed
        self.assertEqual(len(self.found(rule, {"src/base/a.h": "#pragma once\n\n#include <x>\n"})), 1)
        wrong = {"src/base/a.h": "#pragma once\n// a.h\n", "src/base/a.cc": '#include <vector>\n#include "base/a.h"\n'}
        self.assertEqual(len(self.found(rule, wrong)), 1)

    def test_public_headers_are_light(self):
        rule = rules.public_headers_are_light
        self.assertEqual(len(self.found(rule, {"src/report/a.h": "#include <nlohmann/json.hpp>\n"})), 1)
        self.assertEqual(self.found(rule, {"src/report/a.h": "#include <nlohmann/json_fwd.hpp>\n"}), [])


if __name__ == "__main__":
    unittest.main()

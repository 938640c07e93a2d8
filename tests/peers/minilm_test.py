"""The application moved with a real model: what its vectors are for is judged by meaning, not by spelling.

Texts are embedded by all-MiniLM-L6-v2 (minilm_server.py) through the OpenAI-compatible endpoint.
"""
import json
import pathlib
import sys
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import child  # noqa: E402
import harness  # noqa: E402
from harness import DONE, ITEMS, NEW_NAMESPACE, tearDownModule  # noqa: E402,F401

PYTHON = harness.SOURCE / "build/peers/minilm/bin/python"
MODEL, DIMENSIONS, TOKENS_MAX = "all-minilm-l6-v2", 384, 256

# Jobs as customers put them, none sharing a telling word with the work that answers them: what that is made of.
QUESTIONS = {
    "our database answers much too sluggishly": ("postgres", "slow queries"),
    "a clinic's secure website where the sick see their medical records": ("hipaa", "patient portal"),
    "smartphone program for Apple and Google handsets": ("flutter", "ios"),
}


class MovedWithARealModel(harness.Case):
    @classmethod
    def setUpClass(cls):
        server = child.start([PYTHON, HERE / "minilm_server.py"], stdout=-1)
        cls.addClassCleanup(child.stop, server)
        cls.url = server.stdout.readline().split()[1]
        plan = pathlib.Path(harness.tempfile.mkstemp(suffix=".yaml")[1])
        cls.addClassCleanup(plan.unlink)
        plan.write_text(harness.PLAN.read_text().replace(
            "    api_key: ${OPENAI_API_KEY:-}\n",
            f"    api_key: ${{OPENAI_API_KEY:-}}\n    input_tokens_max: {TOKENS_MAX}\n    too_long: cut\n"))
        cls.app = app = harness.App(plan=plan)
        cls.addClassCleanup(app.remove)
        app.plan.write_text(app.plan.read_text().replace("quiet: 5s", "quiet: 100ms"))
        app.env |= {"EMBEDDER": "openai", "EMBEDDER_URL": cls.url, "EMBEDDER_MODEL": MODEL,
                    "EMBEDDER_DIMENSIONS": str(DIMENSIONS)}
        app.run("load", "rehome.yaml", "--from", harness.any_data(), "--yes")
        cls.forecast = app.json("plan", "rehome.yaml")
        app.run("run", "rehome.yaml", "--yes")
        cls.items = {item["item_id"]: item for item in app.documents(ITEMS)}
        cls.vectors = app.vectors(NEW_NAMESPACE)
        cls.tokens = app.phase(3)["counts"]["tokens"]

    def embed(self, text):
        request = urllib.request.Request(f"{self.url}/embeddings", json.dumps({"model": MODEL, "input": text}).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["data"][0]["embedding"]

    def nearest(self, text, count=5):
        """Item ids by exact inner product, computed here."""
        question = self.embed(text)
        scores = {name: sum(a * b for a, b in zip(question, vector["values"])) for name, vector in self.vectors.items()}
        return sorted(scores, key=scores.get, reverse=True)[:count]

    def test_every_item_has_a_vector_of_the_model(self):
        self.assertEqual(self.vectors.keys(), self.items.keys())
        self.assertEqual({len(vector["values"]) for vector in self.vectors.values()}, {DIMENSIONS})
        self.assertEqual(self.forecast["vectors"], len(self.items))

    def test_the_forecast_counts_at_least_the_tokens_that_were_used(self):
        self.assertGreater(self.tokens, 0)
        self.assertGreaterEqual(self.forecast["tokens"], self.tokens)

    def test_retrieval_and_proposals_pass(self):
        checks = {check["check"]: check for check in
                  self.app.json("verify", "--check", "retrieval", "--check", "proposals")["checks"]}
        for name in ("retrieval", "proposals"):
            self.assertEqual((checks[name]["passed"], checks[name].get("skipped") or ""), (True, ""), checks[name])
        text = "\n".join(checks["proposals"]["notes"])
        self.assertTrue(any(name in text for name in self.items), text)

    def test_a_question_in_other_words_finds_the_right_work(self):
        """By the index, and the same by an exact search made here."""
        found_any = 0
        with self.app.index() as index:
            for question, words in QUESTIONS.items():
                right = {name for name, item in self.items.items()
                         if all(word in " ".join(item["deliverables"]).lower() for word in words[:1])}
                if not right:
                    continue  # another application's data
                found_any += 1
                answer = index.call("POST", "/query", {"namespace": NEW_NAMESPACE, "vector": self.embed(question), "topK": 5})
                ids = [match["id"] for match in answer["matches"]]
                self.assertEqual(set(ids), set(self.nearest(question)), question)
                self.assertTrue(set(ids[:3]) & right, f"{question}: {[self.items[name]['deliverables'] for name in ids]}")
        self.assertGreater(found_any, 0)

    def test_moving_again_asks_for_nothing(self):
        app = self.app
        app.run("rollback", "--all", "--yes")
        again = app.json("plan", "rehome.yaml")
        self.assertGreater(self.forecast["tokens"], 0)
        app.run("run", "rehome.yaml", "--yes")
        self.assertEqual(app.phase(3)["counts"]["tokens"], 0)
        self.assertEqual(app.vectors(NEW_NAMESPACE), self.vectors)
        self.assertEqual(again["vectors"], len(self.items))


if __name__ == "__main__":
    unittest.main()

"""An embedding is paid for once: the calls that reach a provider are counted there, whatever happens to rehome."""
import base64
import collections
import hashlib
import http.server
import json
import math
import re
import struct
import threading
import time
import unittest

import harness
from harness import DONE, INTERRUPTED, ITEMS, NEW_NAMESPACE, tearDownModule  # noqa: F401

DIMENSIONS = 384


def tokens(text):
    """What the provider bills: fewer than rehome's upper estimate, as real ones do."""
    return len(text) // 4


class Provider:
    """POST /v1/embeddings: a vector that is the text's digest. Counts every text for which an answer was begun."""

    def __init__(self, delay=0.0):
        self.asked = collections.Counter()
        self.requests = []  # how many texts each held
        self.chats = []
        self.headers = None
        self.refuse = None  # (status, body) instead of an answer
        self.refused = 0  # requests
        self.refuse_once = None
        self.unusable = None  # texts that hold this get a vector of NaN
        self.answered_of = 1  # only each so many-th answer arrives; the others are billed and lost
        self.delay = delay
        self.lock = threading.Lock()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = provider.answer(self.path, asked, self.headers)
                if len(provider.requests) % provider.answered_of:
                    self.close_connection = True
                    return
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, asked, headers):
        if path.endswith("/chat/completions"):
            self.chats.append(asked)
            listed = asked["messages"][-1]["content"]
            return 200, {"choices": [{"message": {"role": "assistant", "content": "We have done this before:\n" + listed}}]}
        with self.lock:
            self.headers = headers
            if self.refuse:
                self.refused += 1
                return self.refuse
            if self.refuse_once:
                refusal, self.refuse_once = self.refuse_once, None
                return refusal
            self.requests.append(len(asked["input"]))
            self.asked.update(asked["input"])
        time.sleep(self.delay)  # a provider takes its time: kills fall into it
        data = []
        for at, text in enumerate(asked["input"]):
            digest = hashlib.shake_128(text.encode()).digest(DIMENSIONS)
            unusable = self.unusable is not None and self.unusable in text
            vector = struct.pack(f"<{DIMENSIONS}f", *(math.nan if unusable else byte / 256 + 0.001 for byte in digest))
            data.append({"index": at, "embedding": base64.b64encode(vector).decode()})
        return 200, {"data": data[::-1], "usage": {"total_tokens": sum(map(tokens, asked["input"]))}}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Cost(harness.Case):
    def loaded_with(self, provider, **limits):
        self.addCleanup(provider.close)
        app = self.loaded()
        app.env |= {"EMBEDDER": "openai", "EMBEDDER_URL": provider.url, "EMBEDDER_MODEL": "counted",
                    "EMBEDDER_DIMENSIONS": str(DIMENSIONS)}
        text = app.plan.read_text()
        text = text.replace("    api_key: ${OPENAI_API_KEY:-}\n", "    api_key: ${OPENAI_API_KEY:-}\n"
                            "    usd_per_million_tokens: 1\n    organization: acme\n    project: moving\n")
        # What is embedded is unique here: each item's own id stands in its text.
        text = text.replace('text: "{company_name}', 'text: "{item_id} {company_name}')
        for key, value in limits.items():
            text = re.sub(rf"(?m)^  {key}: \S+", f"  {key}: {value}", text)
        app.plan.write_text(text)
        return app

    def test_a_run_asks_for_each_text_once_and_a_second_one_for_nothing(self):
        provider = Provider()
        app = self.loaded_with(provider)
        forecast = app.json("plan")
        self.assertGreater(forecast["cost_usd"], 0)
        app.run("run", "--yes")
        items = len(app.documents(ITEMS))
        passages = {text for text in provider.asked if text.startswith("port_")}
        self.assertEqual(len(passages), items)
        self.assertEqual(provider.headers["OpenAI-Organization"], "acme")
        self.assertEqual(provider.headers["OpenAI-Project"], "moving")
        vectors = app.vectors(NEW_NAMESPACE)
        app.run("rollback", "--all", "--yes")
        again = app.json("plan")
        self.assertEqual((again["tokens"], again["cost_usd"]), (0, 0))
        self.assertGreater(again["tokens_cached"], 0)
        provider.asked.clear()
        app.run("run", "--through", "3", "--yes")
        self.assertEqual(sum(provider.asked.values()), 0)
        self.assertEqual(app.vectors(NEW_NAMESPACE), vectors)

    def test_probes_are_asked_for_once(self):
        provider = Provider()
        app = self.loaded_with(provider)
        app.run("run", "--yes")
        app.run("verify", "--check", "retrieval")
        provider.asked.clear()
        app.run("verify", "--check", "retrieval")
        self.assertEqual(sum(provider.asked.values()), 0)

    def test_a_kill_costs_at_most_what_was_in_flight(self):
        """`kill -9` at many moments: what was answered and written is not asked for again."""
        in_flight = 5
        provider = Provider(delay=0.03)
        app = self.loaded_with(provider, embed_in_flight=in_flight)
        app.run("run", "--through", "2", "--yes")
        kills = 0
        for attempt in range(30):
            answer = app.stop_after(0.15 + 0.02 * attempt, "run", "--through", "3", "--yes", by=harness.signal.SIGKILL)
            if answer.exit == DONE:
                break
            kills += 1
        else:
            app.run("run", "--through", "3", "--yes")
        items = len(app.documents(ITEMS))
        passages = collections.Counter({text: count for text, count in provider.asked.items() if text.startswith("port_")})
        self.assertEqual(len(passages), items)
        self.assertGreater(kills, 2)
        paid_again = sum(passages.values()) - items
        self.assertLessEqual(paid_again, kills * in_flight)
        self.assertLessEqual(max(provider.requests), in_flight)
        self.assertEqual(len(app.vectors(NEW_NAMESPACE)), items)

    def test_the_spending_limit_stops_before_it_is_exceeded_and_resumes(self):
        limit = 0.001
        provider = Provider()
        app = self.loaded_with(provider, embed_in_flight=5, spend_max_usd=limit)
        for _ in range(3):  # nor is it exceeded by trying again
            stopped = app.run("run", "--through", "3", "--yes", expect=INTERRUPTED)
            self.assert_error(stopped, "spend_max_usd")
            billed = sum(tokens(text) * count for text, count in provider.asked.items())
            self.assertGreater(billed, 0)
            self.assertLessEqual(billed / 1e6, limit)
        self.assertEqual(max(provider.asked.values()), 1)
        app.plan.write_text(app.plan.read_text().replace(f"spend_max_usd: {limit}", "spend_max_usd: 3"))
        app.run("run", "--through", "3", "--yes")
        self.assertEqual(max(provider.asked.values()), 1)

    def test_answers_that_are_lost_count_as_billed(self):
        limit = 0.001
        provider = Provider()
        provider.answered_of = 3
        app = self.loaded_with(provider, embed_in_flight=5, spend_max_usd=limit)
        stopped = app.run("run", "--through", "3", "--yes", expect=INTERRUPTED)
        self.assert_error(stopped, "spend_max_usd")
        billed = sum(tokens(text) * count for text, count in provider.asked.items())
        self.assertGreater(max(provider.asked.values()), 1)
        self.assertLessEqual(billed / 1e6, limit)

    def test_a_refused_key_is_said_with_what_to_do(self):
        provider = Provider()
        provider.refuse = (401, {"error": {"message": "Incorrect API key provided"}})
        app = self.loaded_with(provider)
        answer = app.run("run", "--through", "3", "--yes", expect=harness.UNREACHABLE)
        self.assert_error(answer, "OPENAI_API_KEY")

    def test_an_endpoint_that_refuses_every_text_stops_the_run_at_once_and_sets_nothing_aside(self):
        provider = Provider()
        app = self.loaded_with(provider)
        app.run("run", "--through", "2", "--yes")
        provider.refuse = (400, {"error": {"message": "this model takes no text"}})
        answer = app.run("run", "--through", "3", "--yes", expect=harness.REFUSED)
        self.assert_error(answer, "this model takes no text", "again")
        self.assertLessEqual(provider.refused, 4)
        self.assertEqual(app.json("quarantine", "list")["records"], [])
        provider.refuse = None
        app.run("run", "--through", "3", "--yes")
        self.assertEqual(len(app.vectors(NEW_NAMESPACE)), len(app.documents(ITEMS)))

    def test_proposals_by_a_chat_endpoint_show_what_they_cite(self):
        provider = Provider()
        app = self.loaded_with(provider)
        app.plan.write_text(app.plan.read_text().replace(
            "proposals: { generator: template }",
            f"proposals: {{ generator: chat, url: \"{provider.url}\", model: writer }}"))
        app.run("run", "--yes")
        checks = app.json("verify", "--check", "proposals")["checks"]
        notes = "\n".join(note for check in checks for note in check["notes"])
        self.assertIn("We have done this before", notes)
        self.assertRegex(notes, r"citing port_")
        self.assertEqual(provider.chats[0]["model"], "writer")

    def test_a_text_that_the_model_has_no_vector_for_is_set_aside_alone(self):
        provider = Provider()
        app = self.loaded_with(provider)
        app.run("run", "--through", "2", "--yes")
        provider.unusable = app.documents(ITEMS)[0]["item_id"] + " "
        app.run("run", "--through", "3", "--yes", expect=harness.QUARANTINED)
        (record,) = app.json("quarantine", "list")["records"]
        self.assertIn("zero or not finite", record["detail"])
        self.assertEqual(len(app.vectors(NEW_NAMESPACE)), len(app.documents(ITEMS)))
        provider.unusable = None
        app.run("quarantine", "replay", "--yes")
        app.run("run", "--yes")

    def test_a_refusal_of_the_first_request_slows_nothing(self):
        """Nothing has passed yet, so it tells nothing about the rate that the provider allows."""
        provider = Provider()
        app = self.loaded_with(provider)
        app.run("run", "--through", "2", "--yes")
        provider.refuse_once = 429, {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
        app.run("run", "--through", "3", "--yes")
        self.assertLess(app.phase(3)["seconds"], 60)

    def test_texts_that_are_too_long_are_cut_or_set_aside_and_listed(self):
        for rule in ("cut", "quarantine"):
            provider = Provider()
            app = self.loaded_with(provider)
            app.plan.write_text(app.plan.read_text().replace(
                "    usd_per_million_tokens: 1\n",
                f"    usd_per_million_tokens: 1\n    input_tokens_max: 60\n    too_long: {rule}\n"))
            forecast = app.json("plan")
            unfit = forecast["texts"]
            self.assertGreater(unfit["cut" if rule == "cut" else "refused"], 0)
            self.assertEqual(unfit["refused" if rule == "cut" else "cut"], 0)
            self.assertTrue(unfit["first"])
            answer = app.run("run", "--through", "3", "--yes", expect=(DONE, harness.QUARANTINED))
            vectors = app.vectors(NEW_NAMESPACE)
            self.assertEqual(len(vectors), forecast["vectors"])
            if rule == "cut":
                self.assertIn("only its beginning was embedded", answer.err)
                self.assertEqual(app.phase(3)["counts"]["texts cut"], unfit["cut"])
            else:
                listed = app.json("quarantine", "list")
                self.assertEqual(listed["quarantined"], unfit["refused"])


if __name__ == "__main__":
    unittest.main()

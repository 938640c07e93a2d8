"""Drives the official Python client (PyPI pinecone 10.2.0, unmodified) against `rehome pinecone-local`, through every
data plane call of a migration."""

import os
import subprocess
import tempfile
import unittest

from pinecone import Pinecone
from pinecone.errors import ApiError, NotFoundError, UnauthorizedError

KEY = "smoke"
URL = ""
server = None
directory = None


def setUpModule():
    global server, directory, URL
    directory = tempfile.TemporaryDirectory()
    server = subprocess.Popen(
        [os.environ["REHOME_BINARY"], "pinecone-local", "--port", "0", "--dir", directory.name, "--api-key", KEY],
        stdout=subprocess.PIPE, text=True)
    ready = server.stdout.readline().split()
    assert ready[0] == "ready", ready
    URL = ready[1]


def tearDownModule():
    server.terminate()
    server.wait()
    server.stdout.close()
    directory.cleanup()


class Smoke(unittest.TestCase):
    def setUp(self):
        self.client = Pinecone(api_key=KEY, host=URL)
        self.index = self.client.Index(host=URL)
        self.ns = self.id().rsplit(".", 1)[-1]
        self.index.upsert(
            vectors=[
                {"id": f"v{i}", "values": [1.0, float(i), 0.5], "metadata": {"n": i, "tag": "even" if i % 2 == 0 else "odd"}}
                for i in range(7)
            ],
            namespace=self.ns,
        )

    def tearDown(self):
        try:
            self.index.delete(delete_all=True, namespace=self.ns)
        except NotFoundError:
            pass

    def ids(self, **options):
        return sorted(i for page in self.index.list(namespace=self.ns, **options) for i in (getattr(v, "id", v) for v in getattr(page, "vectors", page)))

    def test_upsert_replaces_values_and_metadata(self):
        answer = self.index.upsert(vectors=[{"id": "v1", "values": [3.0, 2.0, 1.0]}], namespace=self.ns)
        self.assertEqual(answer.upserted_count, 1)
        stored = self.index.fetch(ids=["v1"], namespace=self.ns).vectors["v1"]
        self.assertEqual(list(stored.values), [3.0, 2.0, 1.0])
        self.assertFalse(stored.metadata)

    def test_batched_upsert_counts_all(self):
        vectors = [{"id": f"b{i}", "values": [0.1, 0.2, i + 1]} for i in range(50)]
        answer = self.index.upsert(vectors=vectors, namespace=self.ns, batch_size=8, show_progress=False)
        self.assertEqual(answer.upserted_count, 50)
        self.assertEqual(len(self.ids(prefix="b")), 50)

    def test_query_by_vector_id_and_filter(self):
        top = self.index.query(vector=[1.0, 3.0, 0.5], top_k=3, namespace=self.ns, include_values=True, include_metadata=True)
        self.assertEqual(top.matches[0].id, "v3")
        self.assertAlmostEqual(top.matches[0].score, 1.0, places=6)
        self.assertEqual(top.matches[0].metadata, {"n": 3, "tag": "odd"})
        self.assertEqual(list(top.matches[0].values), [1.0, 3.0, 0.5])
        self.assertEqual(top.namespace, self.ns)
        scores = [match.score for match in top.matches]
        self.assertEqual(scores, sorted(scores, reverse=True))
        by_id = self.index.query(id="v2", top_k=100, namespace=self.ns)
        self.assertEqual((by_id.matches[0].id, len(by_id.matches)), ("v2", 7))
        self.assertFalse(by_id.matches[0].metadata)
        some = self.index.query(id="v2", top_k=9, namespace=self.ns, filter={"tag": "odd", "n": {"$gte": 3}})
        self.assertEqual(sorted(match.id for match in some.matches), ["v3", "v5"])
        self.assertEqual(self.index.query(id="nobody", top_k=3, namespace=self.ns).matches, [])

    def test_namespaces_isolate(self):
        self.index.upsert(vectors=[("v1", [9.0, 9.0, 9.0])], namespace=self.ns + "-other")
        self.assertEqual(list(self.index.fetch(ids=["v1"], namespace=self.ns).vectors["v1"].values), [1.0, 1.0, 0.5])
        self.index.delete(delete_all=True, namespace=self.ns + "-other")

    def test_fetch_leaves_missing_out_and_keeps_unusual_ids(self):
        odd = ["a b", "x/y", "50%", "a&b=c", "#", "ä".encode().hex(), "+plus"]
        self.index.upsert(vectors=[(i, [1.0, 2.0, 3.0]) for i in odd], namespace=self.ns)
        found = self.index.fetch(ids=[*odd, "nobody"], namespace=self.ns)
        self.assertEqual(sorted(found.vectors), sorted(odd))
        self.index.delete(ids=odd, namespace=self.ns)
        self.assertEqual(len(self.ids()), 7)

    def test_fetch_of_a_thousand_ids(self):
        ids = [f"{'long' * 10}{i:04}" for i in range(1000)]
        self.assertEqual(dict(self.index.fetch(ids=ids, namespace=self.ns).vectors), {})
        with self.assertRaises(ApiError) as caught:
            self.index.fetch(ids=[*ids, "one more"], namespace=self.ns)
        self.assertEqual(caught.exception.status_code, 400)

    def test_update_one_merges_metadata_and_creates_nothing(self):
        self.index.update(id="v1", values=[7.0, 7.0, 7.0], set_metadata={"extra": True}, namespace=self.ns)
        stored = self.index.fetch(ids=["v1"], namespace=self.ns).vectors["v1"]
        self.assertEqual(list(stored.values), [7.0, 7.0, 7.0])
        self.assertEqual(stored.metadata, {"n": 1, "tag": "odd", "extra": True})
        self.index.update(id="nobody", set_metadata={"x": 1}, namespace=self.ns)
        self.assertEqual(len(self.ids()), 7)

    def test_update_by_filter(self):
        dry = self.index.update(filter={"tag": "odd"}, set_metadata={"seen": 1}, dry_run=True, namespace=self.ns)
        self.assertEqual(dry.matched_records, 3)
        self.assertEqual(len(self.index.fetch_by_metadata(filter={"seen": 1}, namespace=self.ns).vectors), 0)
        self.index.update(filter={"tag": "odd"}, set_metadata={"seen": 1}, namespace=self.ns)
        self.assertEqual(len(self.index.fetch_by_metadata(filter={"seen": 1}, namespace=self.ns).vectors), 3)

    def test_fetch_by_metadata_pages(self):
        first = self.index.fetch_by_metadata(filter={"tag": "even"}, limit=3, namespace=self.ns)
        self.assertEqual(sorted(first.vectors), ["v0", "v2", "v4"])
        rest = self.index.fetch_by_metadata(
            filter={"tag": "even"}, limit=3, pagination_token=first.pagination.next, namespace=self.ns
        )
        self.assertEqual(sorted(rest.vectors), ["v6"])
        self.assertIsNone(rest.pagination)

    def test_delete_modes(self):
        self.index.delete(ids=["v0", "nobody"], namespace=self.ns)
        self.assertEqual(len(self.ids()), 6)
        self.index.delete(filter={"tag": "odd"}, namespace=self.ns)
        self.assertEqual(self.ids(), ["v2", "v4", "v6"])
        self.index.delete(delete_all=True, namespace=self.ns)
        self.assertEqual(self.ids(), [])
        with self.assertRaises(NotFoundError):
            self.index.delete(ids=["v1"], namespace="never-was")

    def test_list_pages_and_prefix(self):
        self.index.upsert(vectors=[(f"p{i:03}", [1.0, 1.0, i + 1]) for i in range(205)], namespace=self.ns)
        self.assertEqual(len(self.ids(prefix="p")), 205)
        self.assertEqual(len(self.ids(prefix="p", limit=10)), 205)
        self.assertEqual(self.ids(prefix="p01", limit=3), [f"p01{i}" for i in range(10)])
        self.assertEqual(len(self.ids()), 212)

    def test_statistics_add_up(self):
        self.index.upsert(vectors=[("d", [1.0, 2.0, 3.0])])
        stats = self.index.describe_index_stats()
        self.assertEqual(stats.dimension, 3)
        self.assertEqual(stats.namespaces[self.ns].vector_count, 7)
        self.assertEqual(stats.namespaces["__default__"].vector_count, 1)
        self.assertEqual(stats.total_vector_count, sum(n.vector_count for n in stats.namespaces.values()))
        with self.assertRaises(ApiError):
            self.index.describe_index_stats(filter={"n": 1})
        self.index.delete(ids=["d"], namespace="")

    def test_namespace_management(self):
        made = self.index.create_namespace(name="made here", schema={"fields": {"g": {"filterable": True}}})
        self.assertEqual(int(made.record_count), 0)
        with self.assertRaises(ApiError) as caught:
            self.index.create_namespace(name="made here")
        self.assertEqual(caught.exception.status_code, 409)
        self.assertEqual(self.index.describe_namespace(namespace="made here").name, "made here")
        self.index.create_namespace(name="made/there")
        pages = list(self.index.list_namespaces(prefix="made", limit=1))
        self.assertEqual(len(pages), 2)
        for name in ("made here", "made/there"):
            self.index.delete_namespace(namespace=name)
            with self.assertRaises(NotFoundError):
                self.index.describe_namespace(namespace=name)

    def test_wrong_input_is_refused(self):
        wrong = {
            "dimension": dict(vectors=[("w", [1.0, 2.0])]),
            "only zeros": dict(vectors=[("w", [0.0, 0.0, 0.0])]),
            "Metadata size": dict(vectors=[{"id": "w", "values": [1.0, 2.0, 3.0], "metadata": {"x": "y" * 41_000}}]),
            "finite": dict(vectors=[("w", [1.0, 2.0, float("nan")])]),
        }
        for text, arguments in wrong.items():
            with self.subTest(text), self.assertRaises(ApiError) as caught:
                self.index.upsert(namespace=self.ns, **arguments)
            self.assertEqual(caught.exception.status_code, 400)
            self.assertIn(text, str(caught.exception))
        with self.assertRaises(ApiError):
            self.index.query(vector=[1.0], top_k=3, namespace=self.ns)

    def test_parallel_queries_over_namespaces(self):
        answer = self.index.query_namespaces(vector=[1.0, 3.0, 0.5], namespaces=[self.ns, "nowhere"], metric="cosine", top_k=2)
        self.assertEqual(answer.matches[0].id, "v3")

    def test_write_lsn_is_visible_to_reads(self):
        written = self.index.upsert(vectors=[("l", [1.0, 2.0, 3.0])], namespace=self.ns).response_info.lsn_committed
        read = self.index.fetch(ids=["l"], namespace=self.ns).response_info.lsn_reconciled
        self.assertGreaterEqual(read, written)

    def test_index_by_name(self):
        described = self.client.describe_index(self.client.list_indexes().names()[0])
        self.assertEqual((described.dimension, described.metric), (3, "cosine"))
        by_name = self.client.Index(described.name)
        self.assertEqual(by_name.describe_index_stats().namespaces[self.ns].vector_count, 7)

    def test_index_life(self):
        self.client.create_index(name="smoke-two", dimension=2, metric="euclidean", spec={"serverless": {"cloud": "aws", "region": "us-east-1"}}, deletion_protection="enabled", tags={"a": "b"})
        two = self.client.Index("smoke-two")
        two.upsert(vectors=[("far", [9.0, 9.0]), ("near", [1.0, 1.0])])
        nearest = two.query(vector=[1.0, 1.0], top_k=2).matches
        self.assertEqual([(m.id, m.score) for m in nearest], [("near", 0.0), ("far", 128.0)])
        with self.assertRaisesRegex(Exception, "Deletion protection is enabled for this index"):
            self.client.delete_index("smoke-two")
        self.client.configure_index("smoke-two", deletion_protection="disabled", tags={"a": "", "c": "d"})
        self.assertEqual(dict(self.client.describe_index("smoke-two").tags), {"c": "d"})
        self.client.delete_index("smoke-two")
        self.assertFalse(self.client.has_index("smoke-two"))


class WrongKey(unittest.TestCase):
    def test_another_key_is_unauthorized(self):
        with self.assertRaises(UnauthorizedError):
            Pinecone(api_key="wrong", host=URL).Index(host=URL).describe_index_stats()


if __name__ == "__main__":
    unittest.main(warnings="ignore")

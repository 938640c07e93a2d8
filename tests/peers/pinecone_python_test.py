"""Drives the official Python client (PyPI pinecone 10.2.0, unmodified) against `rehome pinecone-local`, through every
operation that it has: what its own integration suite asks of the service."""

import os
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
import json

from pinecone import AsyncPinecone, AwsRegion, AzureRegion, GcpRegion, Pinecone, ServerlessSpec
from pinecone.errors import ApiError, ConflictError, ForbiddenError, NotFoundError, PineconeConnectionError, RateLimitError, ServiceError, UnauthorizedError

KEY = "smoke"
URL = ""
server = None


class Server:
    """A `rehome pinecone-local` on an empty directory."""

    def __init__(self, *flags):
        self.directory = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [os.environ["REHOME_BINARY"], "pinecone-local", "--port", "0", "--dir", self.directory.name, "--api-key", KEY, *flags],
            stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline().split()
        assert ready[0] == "ready", ready
        self.url = ready[1]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.directory.cleanup()

    def impose(self, **conditions):
        raw(self.url + "/_admin/conditions", "POST", conditions)


def raw(url, method="GET", body=None, version="2026-07"):
    """(status, parsed body) of a request that no client makes."""
    headers = {"Api-Key": KEY, "Content-Type": "application/json", "X-Pinecone-Api-Version": version}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def setUpModule():
    global server, URL
    server = Server()
    URL = server.url


def tearDownModule():
    server.stop()


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
        for mode in (dict(ids=["v1"]), dict(filter={"tag": "odd"}), dict(delete_all=True)):
            with self.subTest(mode), self.assertRaisesRegex(NotFoundError, "Namespace not found"):
                self.index.delete(namespace="never-was", **mode)

    def test_list_pages_and_prefix(self):
        self.index.upsert(vectors=[(f"p{i:03}", [1.0, 1.0, i + 1]) for i in range(205)], namespace=self.ns)
        self.assertEqual(len(self.ids(prefix="p")), 205)
        self.assertEqual(len(self.ids(prefix="p", limit=10)), 205)
        self.assertEqual(self.ids(prefix="p01", limit=3), [f"p01{i}" for i in range(10)])
        first = self.index.list_paginated(prefix="p20", limit=2, namespace=self.ns)
        self.assertEqual([one.id for one in first.vectors], ["p200", "p201"])
        last = self.index.list_paginated(prefix="p20", limit=50, pagination_token=first.pagination.next, namespace=self.ns)
        self.assertEqual(([one.id for one in last.vectors], last.pagination), (["p202", "p203", "p204"], None))
        with self.assertRaises(ApiError) as caught:
            self.index.list_paginated(pagination_token="zz", namespace=self.ns)
        self.assertEqual(caught.exception.status_code, 400)
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
        self.assertTrue(made.schema.fields["g"].filterable)
        self.index.create_namespace(name="made/there")
        self.index.create_namespace(name="made?too")
        pages = [self.index.list_namespaces_paginated(prefix="made", limit=1)]
        while pages[-1].pagination:
            pages.append(self.index.list_namespaces_paginated(prefix="made", limit=1, pagination_token=pages[-1].pagination.next))
        self.assertEqual([[one.name for one in page.namespaces] for page in pages], [["made here"], ["made/there"], ["made?too"]])
        self.assertEqual({page.total_count for page in pages}, {3})
        self.assertEqual(len(list(self.index.list_namespaces(prefix="made", limit=1))), 3)
        for name in ("made here", "made/there", "made?too"):
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
        self.assertEqual(answer.usage.read_units, sum(usage.read_units for usage in answer.ns_usage.values()))
        many = [f"{self.ns}-{i}" for i in range(20)]
        for i, ns in enumerate(many):
            self.index.upsert(vectors=[(f"in{i}", [1.0, float(i), 0.5])], namespace=ns)
        merged = self.index.query_namespaces(vector=[1.0, 0.0, 0.5], namespaces=many, metric="cosine", top_k=20).matches
        self.assertEqual([match.id for match in merged], [f"in{i}" for i in range(20)])

    def test_every_read_says_its_price(self):
        for answer in (
            self.index.query(id="v1", top_k=1, namespace=self.ns),
            self.index.fetch(ids=["v1", "nobody"], namespace=self.ns),
            self.index.fetch_by_metadata(filter={"n": 1}, namespace=self.ns),
            self.index.list_paginated(namespace=self.ns),
        ):
            self.assertGreaterEqual(answer.usage.read_units, 1)

    def test_an_upsert_has_bounds_and_of_equal_ids_the_last_wins(self):
        twice = [("d", [1.0, 2.0, 3.0]), ("d", [3.0, 2.0, 1.0])]
        self.assertEqual(self.index.upsert(vectors=twice, namespace=self.ns).upserted_count, 2)
        self.assertEqual(list(self.index.fetch(ids=["d"], namespace=self.ns).vectors["d"].values), [3.0, 2.0, 1.0])
        large = {"values": [1.0, 2.0, 3.0], "metadata": {"k": "x" * 30_000}}
        for text, vectors in {
            "1 to 1000 vectors, got 0": [],
            "1 to 1000 vectors, got 1001": [(f"m{i}", [1.0, 2.0, 3.0]) for i in range(1001)],
            "maximum supported size - 2MB": [{"id": f"m{i}", **large} for i in range(75)],
        }.items():
            with self.subTest(text), self.assertRaisesRegex(ApiError, text) as caught:
                self.index.upsert(vectors=vectors, namespace=self.ns)
            self.assertEqual(caught.exception.status_code, 400)
        self.assertEqual(self.ids(prefix="m"), [])

    def test_write_lsn_is_visible_to_reads(self):
        written = self.index.upsert(vectors=[("l", [1.0, 2.0, 3.0])], namespace=self.ns).response_info.lsn_committed
        read = self.index.fetch(ids=["l"], namespace=self.ns).response_info
        self.assertGreaterEqual(read.lsn_reconciled, written)
        self.assertTrue(read.request_id)

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


def serverless(**more):
    return dict(spec={"serverless": {"cloud": "aws", "region": "us-east-1"}}, **more)


class Indexes(unittest.TestCase):
    def setUp(self):
        self.client = Pinecone(api_key=KEY, host=URL)

    def create(self, name, **options):
        made = self.client.create_index(name=name, **serverless(**options))
        self.addCleanup(lambda: self.client.has_index(name) and self.client.delete_index(name))
        return made

    def test_dense_is_described_as_it_was_made(self):
        self.create("made-dense", dimension=3, metric="dotproduct", tags={"k": "v"}, deletion_protection="disabled")
        found = self.client.describe_index("made-dense")
        self.assertEqual((found.dimension, found.metric, found.vector_type), (3, "dotproduct", "dense"))
        self.assertEqual((dict(found.tags), found.deletion_protection), ({"k": "v"}, "disabled"))
        self.assertTrue(found.status.ready)
        self.assertEqual(set(found.schema.fields), {"_values"})
        self.assertTrue(found.host.startswith("http://127.0.0.1:"))
        self.assertIn("made-dense", self.client.list_indexes().names())

    def test_every_region_that_the_client_names_is_one(self):
        for cloud, regions in (("aws", AwsRegion), ("gcp", GcpRegion), ("azure", AzureRegion)):
            for region in regions:
                with self.subTest(region):
                    name = f"in-{region.value}"
                    self.addCleanup(self.client.delete_index, name)
                    made = self.client.create_index(name=name, dimension=2, spec=ServerlessSpec(cloud=cloud, region=region.value))
                    self.assertEqual((made.deployment.cloud, made.deployment.region), (cloud, region.value))

    def test_sparse_has_no_dimension(self):
        made = self.client.indexes.create(name="made-sparse", schema={"fields": {"_sparse_values": {"type": "sparse_vector"}}})
        self.addCleanup(lambda: self.client.delete_index("made-sparse"))
        self.assertEqual((made.dimension, made.metric, made.vector_type), (None, "dotproduct", "sparse"))
        self.assertEqual(set(made.schema.fields), {"_sparse_values"})
        index = self.client.Index("made-sparse")
        index.upsert(vectors=[{"id": "a", "sparse_values": {"indices": [1, 5], "values": [0.5, 2.0]}}, {"id": "b", "sparse_values": {"indices": [7], "values": [1.0]}}])
        found = index.query(sparse_vector={"indices": [5], "values": [2.0]}, top_k=2).matches
        self.assertEqual([(match.id, match.score) for match in found], [("a", 4.0), ("b", 0.0)])
        stored = index.fetch(ids=["a"]).vectors["a"]
        self.assertEqual((list(stored.sparse_values.indices), list(stored.sparse_values.values)), ([1, 5], [0.5, 2.0]))
        stats = index.describe_index_stats()
        self.assertEqual((stats.dimension, stats.vector_type), (None, "sparse"))
        with self.assertRaises(ApiError):
            index.upsert(vectors=[{"id": "d", "values": [1.0]}])

    def test_what_cannot_be_made_is_refused(self):
        self.create("taken", dimension=2)
        with self.assertRaises(ConflictError):
            self.client.create_index(name="taken", **serverless(dimension=2))
        for problem, body, status in [
            ("alphanumeric character", {"name": "Bad_Name", "dimension": 3}, 400),
            ("dimension", {"name": "none"}, 422),
            ("20000", {"name": "none", "dimension": 20001}, 400),
            ("manhattan", {"name": "none", "dimension": 2, "metric": "manhattan"}, 400),
            ("at least one of the following field types", {"name": "none", "schema": {"fields": {}}}, 400),
            ("deserialize", {"name": "none", "schema": {"fields": {"t": {"type": "string"}}}}, 422),
            ("only accepts fields used for search", {"name": "none", "schema": {"fields": {"t": {"type": "string", "filterable": True}}}}, 400),
            ("deployment_type", {"name": "none", "dimension": 2, "deployment": {"cloud": "aws"}}, 422),
            ("Resource cloud: aws region: xx not found.", {"name": "none", "dimension": 2, "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "xx"}}, 404),
        ]:
            with self.subTest(problem):
                got, answer = raw(URL + "/indexes", "POST", body)
                self.assertEqual((got, answer["status"]), (status, status))
                self.assertIn(problem, answer["error"]["message"])
        self.assertFalse(self.client.has_index("none"))
        with self.assertRaises(NotFoundError):
            self.client.describe_index("none")

    def test_shapes_follow_the_version(self):
        body = {"name": "of-2026-04", "dimension": 3, "metric": "euclidean", "vector_type": "dense", "spec": {"serverless": {"cloud": "gcp", "region": "us-central1"}}}
        status, made = raw(URL + "/indexes", "POST", body, version="2026-04")
        self.addCleanup(lambda: self.client.delete_index("of-2026-04"))
        self.assertEqual((status, made["dimension"], made["metric"], made["spec"]["serverless"]["cloud"]), (201, 3, "euclidean", "gcp"))
        self.assertNotIn("schema", made)
        new = raw(URL + "/indexes/of-2026-04")[1]
        self.assertEqual(new["schema"]["fields"]["_values"], {"type": "dense_vector", "dimension": 3, "metric": "euclidean"})
        self.assertEqual(new["deployment"]["cloud"], "gcp")
        self.assertNotIn("dimension", new)

    def test_tags_merge_and_protection_protects(self):
        self.create("kept", dimension=2, tags={"a": "1", "b": "2"}, deletion_protection="enabled")
        self.client.configure_index("kept", tags={"a": "", "c": "3"})
        self.assertEqual(dict(self.client.describe_index("kept").tags), {"b": "2", "c": "3"})
        with self.assertRaisesRegex(ForbiddenError, "Deletion protection is enabled for this index"):
            self.client.delete_index("kept")
        self.client.configure_index("kept", deletion_protection="disabled")
        self.client.delete_index("kept")
        self.assertFalse(self.client.has_index("kept"))

    def test_hybrid_scores_add_up(self):
        self.create("hybrid", dimension=2, metric="dotproduct")
        index = self.client.Index("hybrid")
        index.upsert(vectors=[
            {"id": "both", "values": [1.0, 0.0], "sparse_values": {"indices": [7, 9], "values": [0.5, 2.0]}},
            {"id": "dense", "values": [2.0, 0.0]}])
        found = index.query(vector=[1.0, 0.0], sparse_vector={"indices": [9], "values": [3.0]}, top_k=2).matches
        self.assertEqual([(match.id, match.score) for match in found], [("both", 7.0), ("dense", 2.0)])
        self.assertEqual([match.id for match in index.query(vector=[1.0, 0.0], top_k=2).matches], ["dense", "both"])
        index.update(id="both", sparse_values={"indices": [9], "values": [4.0]})
        stored = index.fetch(ids=["both"]).vectors["both"]
        self.assertEqual((list(stored.values), list(stored.sparse_values.indices)), ([1.0, 0.0], [9]))
        with self.assertRaises(ApiError):
            index.query(sparse_vector={"indices": [9], "values": [3.0]}, top_k=1)

    def test_a_documents_index_is_not_reached_by_the_vectors_api(self):
        made = self.client.indexes.create(name="papers", schema={"fields": {"embedding": {"type": "dense_vector", "dimension": 3, "metric": "cosine"}, "body": {"type": "string", "full_text_search": {"language": "en"}}}})
        self.addCleanup(lambda: self.client.delete_index("papers"))
        self.assertEqual(set(made.schema.fields), {"embedding", "body"})
        with self.assertRaisesRegex(ApiError, "documents") as caught:
            self.client.Index("papers").upsert(vectors=[("a", [1.0, 2.0, 3.0])])
        self.assertEqual(caught.exception.status_code, 400)
        self.create("plain", dimension=3)
        plain = self.client.Index("plain").documents
        for call in (
            lambda: plain.upsert(namespace="x", documents=[{"_id": "a", "t": "b"}]),
            lambda: plain.fetch(namespace="x", ids=["a"]),
            lambda: list(plain.list(namespace="x")),
            lambda: plain.delete(namespace="x", ids=["a"]),
            lambda: plain.search(namespace="x", top_k=1, score_by=[{"type": "dense_vector", "field": "e", "values": [1.0, 2.0, 3.0]}]),
        ):
            with self.assertRaisesRegex(ApiError, "documents") as caught:
                call()
            self.assertEqual(caught.exception.status_code, 400)

    def test_what_cannot_be_made_here_is_an_empty_list_or_said_so(self):
        self.assertEqual(list(self.client.backups.list()), [])
        self.assertEqual(list(self.client.collections.list()), [])
        self.assertEqual(list(self.client.restore_jobs.list()), [])
        with self.assertRaises(NotFoundError):
            self.client.backups.describe(backup_id="none")
        self.create("to-back-up", dimension=2)
        self.assertEqual(list(self.client.backups.list(index_name="to-back-up")), [])
        index = self.client.Index("to-back-up")
        self.assertEqual(list(index.list_imports()), [])
        self.assertEqual(list(self.client.backup_schedules.list(index_name="to-back-up")), [])
        schedules = self.client.backup_schedules
        for nothing in (
            lambda: self.client.backups.delete(backup_id="none"),
            lambda: self.client.create_index_from_backup(name="back", backup_id="none"),
            lambda: self.client.restore_jobs.describe(job_id="none"),
            lambda: self.client.collections.describe("none"),
            lambda: self.client.collections.delete("none"),
            lambda: schedules.describe(schedule_id="none"),
            lambda: schedules.history(schedule_id="none"),
            lambda: schedules.update(schedule_id="none", enabled=False),
            lambda: schedules.delete(schedule_id="none"),
            lambda: index.describe_import(id="1"),
            lambda: index.cancel_import(id="1"),
        ):
            with self.assertRaises(NotFoundError):
                nothing()
        with self.assertRaisesRegex(ApiError, "pod indexes"):
            self.client.collections.create(name="c", source="to-back-up")
        for missing in (
            lambda: self.client.inference.rerank(model="bge-reranker-v2-m3", query="q", documents=["a", "b"]),
            lambda: self.client.backups.create(index_name="to-back-up", name="b"),
            lambda: schedules.create(index_name="to-back-up", name="s", frequency="daily", retention_days=7),
            lambda: index.start_import(uri="s3://b/d"),
        ):
            with self.assertRaisesRegex(ServiceError, "not part of pinecone-local") as caught:
                missing()
            self.assertEqual(caught.exception.status_code, 501)


class Async(unittest.IsolatedAsyncioTestCase):
    """The client's other half speaks the same."""

    async def test_vectors_come_and_go(self):
        async with AsyncPinecone(api_key=KEY, host=URL) as client:
            async with await client.index(host=URL) as index:
                vectors = [(f"v{i}", [1.0, float(i), 0.5]) for i in range(30)]
                self.assertEqual((await index.upsert(vectors=vectors, namespace="async", batch_size=7)).upserted_count, 30)
                found = await index.query(vector=[1.0, 3.0, 0.5], top_k=2, namespace="async")
                self.assertEqual(found.matches[0].id, "v3")
                self.assertEqual(set((await index.fetch(ids=["v1", "nobody"], namespace="async")).vectors), {"v1"})
                await index.update(id="v1", set_metadata={"seen": True}, namespace="async")
                marked = await index.fetch_by_metadata(filter={"seen": True}, namespace="async")
                self.assertEqual(set(marked.vectors), {"v1"})
                self.assertEqual((await index.describe_index_stats()).namespaces["async"].vector_count, 30)
                await index.delete(delete_all=True, namespace="async")
                self.assertEqual((await index.list_paginated(namespace="async")).vectors, [])
                with self.assertRaises(NotFoundError):
                    await index.delete(ids=["v1"], namespace="never-was")


class Filters(unittest.TestCase):
    """Every operator, through the client."""

    RECORDS = {
        "film": {"genre": "comedy", "year": 2020, "new": True, "tags": ["a", "b"]},
        "play": {"genre": "drama", "year": 1999, "new": False, "tags": ["b", "c"], "ort": "Köln"},
        "bare": {"other": "x"},
    }
    CASES = [
        ({"genre": "comedy"}, {"film"}),
        ({"genre": {"$eq": "drama"}}, {"play"}),
        ({"genre": {"$ne": "drama"}}, {"film"}),
        ({"genre": {"$in": ["drama", "x"]}}, {"play"}),
        ({"genre": {"$nin": ["drama"]}}, {"film"}),
        ({"genre": {"$in": []}}, set()),
        ({"year": {"$gt": 1999}}, {"film"}),
        ({"year": {"$gte": 1999, "$lt": 2020}}, {"play"}),
        ({"year": {"$lte": 1999.0}}, {"play"}),
        ({"year": "1999"}, set()),
        ({"new": True}, {"film"}),
        ({"new": {"$ne": True}}, {"play"}),
        ({"tags": "b"}, {"film", "play"}),
        ({"tags": {"$in": ["c", "z"]}}, {"play"}),
        ({"tags": {"$ne": "a"}}, {"play"}),
        ({"tags": {"$nin": ["a"]}}, {"play"}),
        ({"$and": [{"tags": "a"}, {"tags": "b"}]}, {"film"}),
        ({"$or": [{"genre": "drama"}, {"other": "x"}]}, {"play", "bare"}),
        ({"$or": [{"year": {"$gt": 2010}}, {"$and": [{"new": False}, {"tags": "c"}]}]}, {"film", "play"}),
        ({"genre": {"$exists": False}}, {"bare"}),
        ({"year": {"$exists": True}}, {"film", "play"}),
        ({"genre": {"$not": {"$eq": "drama"}}}, {"film", "bare"}),
        ({"ort": "Köln"}, {"play"}),
        ({"genre": "comedy", "year": 2020}, {"film"}),
        ({"genre": {}}, {"film", "play", "bare"}),
    ]
    REFUSED = [
        ({"year": {"$gt": "x"}}, "the $gt operator must be followed by a number, got string instead"),
        ({"year": {"$lte": True}}, "the $lte operator must be followed by a number"),
        ({"genre": {"$in": "x"}}, "the $in operator must be followed by a list of strings or a list of numbers"),
        ({"genre": {"$nin": [True]}}, "the $nin operator must be followed by a list of strings or a list of numbers"),
        ({"genre": {"$in": ["a", 1]}}, "the $in operator must be followed by"),
        ({"genre": None}, "the $eq operator must be followed by a string, boolean or a number, got null instead"),
        ({"genre": ["a", "b"]}, "the $eq operator must be followed by"),
        ({"genre": {"$contains": "x"}}, "$contains is not a valid operator"),
        ({"genre": {"eq": "x"}}, "illegal condition for field genre, got"),
        ({"$and": []}, "$and"),
        ({"genre": {"$exists": 1}}, "$exists"),
    ]

    @classmethod
    def setUpClass(cls):
        cls.index = Pinecone(api_key=KEY, host=URL).Index(host=URL)
        cls.index.upsert(vectors=[{"id": name, "values": [1.0, 2.0, 3.0], "metadata": metadata} for name, metadata in cls.RECORDS.items()], namespace="filters")

    def test_operators_in_query_and_fetch(self):
        for condition, expected in self.CASES:
            with self.subTest(condition):
                found = self.index.query(vector=[1.0, 2.0, 3.0], top_k=9, filter=condition, namespace="filters")
                self.assertEqual({match.id for match in found.matches}, expected)
                fetched = self.index.fetch_by_metadata(filter=condition, namespace="filters")
                self.assertEqual(set(fetched.vectors), expected)

    def test_refusals_in_the_services_words(self):
        for condition, text in self.REFUSED:
            with self.subTest(condition), self.assertRaises(ApiError) as caught:
                self.index.query(vector=[1.0, 2.0, 3.0], top_k=9, filter=condition, namespace="filters")
            self.assertEqual(caught.exception.status_code, 400)
            self.assertIn(text, str(caught.exception))

    def test_delete_and_update_by_filter_touch_only_what_matches(self):
        vectors = [{"id": f"d{i}", "values": [1.0, 2.0, i + 1.0], "metadata": {"n": i}} for i in range(6)]
        self.index.upsert(vectors=vectors, namespace="filtered")
        self.assertEqual(self.index.update(filter={"n": {"$gte": 4}}, set_metadata={"late": True}, namespace="filtered").matched_records, 2)
        self.index.delete(filter={"n": {"$lt": 3}}, namespace="filtered")
        self.assertEqual(set(self.index.fetch_by_metadata(filter={"n": {"$exists": True}}, namespace="filtered").vectors), {"d3", "d4", "d5"})
        self.assertEqual(set(self.index.fetch_by_metadata(filter={"late": True}, namespace="filtered").vectors), {"d4", "d5"})


class Aliases(unittest.TestCase):
    """Namespace aliases: neither client manages them yet, both read through them."""

    def setUp(self):
        self.index = Pinecone(api_key=KEY, host=URL).Index(host=URL)
        for version in ("v1", "v2"):
            self.index.upsert(vectors=[(f"in-{version}", [1.0, 2.0, 3.0])], namespace=f"set-{version}")

    def alias(self, method, path="", **body):
        return raw(URL + "/namespace-aliases" + path, method, body or None)

    def reason(self, answer):
        return answer[0], answer[1]["details"][0]["reason"]

    def test_readers_follow_it_and_writers_are_turned_away(self):
        status, made = self.alias("POST", name="live", target_namespace="set-v1")
        self.assertEqual((status, made["target_namespace"], made["created_at"]), (200, "set-v1", made["updated_at"]))
        self.addCleanup(lambda: self.alias("DELETE", "/live"))
        found = self.index.query(vector=[1.0, 2.0, 3.0], top_k=3, namespace="live")
        self.assertEqual(([match.id for match in found.matches], found.namespace), (["in-v1"], "set-v1"))
        status, moved = self.alias("PATCH", "/live", target_namespace="set-v2")
        self.assertEqual((status, moved["target_namespace"]), (200, "set-v2"))
        self.assertGreater(moved["updated_at"], moved["created_at"])
        self.assertEqual(set(self.index.fetch(ids=["in-v1", "in-v2"], namespace="live").vectors), {"in-v2"})
        self.assertEqual([i for page in self.index.list(namespace="live") for i in (getattr(v, "id", v) for v in getattr(page, "vectors", page))], ["in-v2"])
        with self.assertRaises(ApiError) as caught:
            self.index.upsert(vectors=[("x", [1.0, 2.0, 3.0])], namespace="live")
        self.assertEqual(caught.exception.status_code, 400)
        self.assertEqual(self.reason(raw(URL + "/vectors/delete", "POST", {"deleteAll": True, "namespace": "live"})), (400, "WRITE_TO_ALIAS"))
        self.assertEqual(self.reason(raw(URL + "/namespaces/set-v2", "DELETE")), (400, "NAMESPACE_TARGETED_BY_ALIAS"))
        self.assertEqual(self.reason(raw(URL + "/namespaces/live")), (400, "NAMESPACE_OPERATION_ON_ALIAS"))
        self.assertEqual(self.reason(raw(URL + "/namespaces", "POST", {"name": "live"})), (409, "NAME_IN_USE_BY_ALIAS"))

    def test_refusals_have_a_reason(self):
        self.alias("POST", name="held", target_namespace="set-v1")
        self.addCleanup(lambda: self.alias("DELETE", "/held"))
        again = self.alias("POST", name="held", target_namespace="set-v2")
        self.assertEqual(self.reason(again), (409, "ALIAS_ALREADY_EXISTS"))
        self.assertEqual(again[1]["details"][0]["metadata"]["target_namespace"], "set-v1")
        for body, expected in [
            (dict(name="set-v1", target_namespace="set-v2"), (409, "NAME_IN_USE_BY_NAMESPACE")),
            (dict(name="a b", target_namespace="set-v2"), (400, "ALIAS_NAME_INVALID")),
            (dict(name="free", target_namespace="held"), (400, "TARGET_IS_ALIAS")),
            (dict(name="free", target_namespace="nowhere"), (400, "TARGET_NAMESPACE_NOT_FOUND")),
            (dict(name="free"), (400, "TARGET_NAMESPACE_REQUIRED")),
        ]:
            with self.subTest(body):
                self.assertEqual(self.reason(self.alias("POST", **body)), expected)
        self.assertEqual(self.reason(raw(URL + "/namespace-aliases", "GET", version="2025-10")), (400, "API_VERSION_TOO_OLD"))
        self.assertEqual(self.alias("GET", "/none")[0], 404)
        listed = self.alias("GET", "?prefix=he")[1]
        self.assertEqual(([one["name"] for one in listed["namespace_aliases"]], listed["total_count"]), (["held"], 1))
        self.assertEqual(self.alias("DELETE", "/held"), (200, {}))
        self.assertEqual(self.alias("DELETE", "/held")[0], 404)


class Text(unittest.TestCase):
    """The records API and inference."""

    @classmethod
    def setUpClass(cls):
        cls.client = Pinecone(api_key=KEY, host=URL)
        cls.client.create_index_for_model(name="texts", cloud="aws", region="us-east-1", embed={"model": "llama-text-embed-v2", "field_map": {"text": "chunk_text"}, "dimension": 384})
        cls.index = cls.client.Index("texts")
        cls.index.upsert_records(namespace="ns", records=[
            {"_id": "r1", "chunk_text": "a dashboard for monthly payments", "year": 2020},
            {"_id": "r2", "chunk_text": "mobile booking of hotel rooms", "year": 2021},
            {"_id": "r3", "chunk_text": "search in legal documents", "year": 2022}])

    @classmethod
    def tearDownClass(cls):
        cls.client.delete_index("texts")

    def hits(self, **query):
        return self.index.search(namespace="ns", **query).result.hits

    def test_an_integrated_index_is_described(self):
        found = self.client.describe_index("texts")
        self.assertEqual(found.schema.fields["chunk_text"].model, "llama-text-embed-v2")
        self.assertEqual(raw(URL + "/indexes/texts", version="2025-10")[1]["embed"]["field_map"], {"text": "chunk_text"})

    def test_text_finds_text(self):
        answer = self.index.search(namespace="ns", query={"inputs": {"text": "payment dashboards"}, "top_k": 2})
        self.assertEqual(answer.result.hits[0].id_, "r1")
        self.assertEqual(answer.result.hits[0].fields, {"chunk_text": "a dashboard for monthly payments", "year": 2020})
        self.assertGreater(answer.usage.embed_total_tokens, 0)
        only = self.hits(query={"inputs": {"text": "documents"}, "top_k": 3, "filter": {"year": {"$lt": 2022}}}, fields=["year"])
        self.assertEqual({hit.id_: set(hit.fields) for hit in only}, {"r1": {"year"}, "r2": {"year"}})

    def test_by_id_and_by_vector(self):
        self.assertEqual(self.hits(query={"id": "r2", "top_k": 1})[0].id_, "r2")
        values = list(self.index.fetch(ids=["r3"], namespace="ns").vectors["r3"].values)
        self.assertEqual(self.hits(query={"vector": {"values": values}, "top_k": 1})[0].id_, "r3")

    def test_text_needs_an_integrated_index(self):
        plain = self.client.Index(host=URL)
        for call in (lambda: plain.upsert_records(namespace="ns", records=[{"_id": "a", "chunk_text": "b"}]),
                     lambda: plain.search(namespace="ns", query={"inputs": {"text": "b"}, "top_k": 1})):
            with self.assertRaises(ApiError) as caught:
                call()
            self.assertEqual(caught.exception.status_code, 400)

    def test_embed_and_models(self):
        embedded = self.client.inference.embed(model="multilingual-e5-large", inputs=["a cat", "a dog"], parameters={"input_type": "passage", "truncate": "END"})
        self.assertEqual((len(embedded.data), len(embedded.data[0].values), embedded.vector_type), (2, 1024, "dense"))
        self.assertEqual(embedded.usage.total_tokens, 4)
        models = {model.model: model for model in self.client.inference.list_models()}
        self.assertEqual(set(models), {"llama-text-embed-v2", "multilingual-e5-large"})
        self.assertIn("stand-in", models["llama-text-embed-v2"].short_description)
        self.assertEqual(self.client.inference.get_model(model="multilingual-e5-large").default_dimension, 1024)
        with self.assertRaises(NotFoundError):
            self.client.inference.embed(model="no-such-model", inputs=["a"], parameters={"input_type": "query"})
        with self.assertRaises(ApiError):
            self.client.inference.embed(model="multilingual-e5-large", inputs=["a"] * 97, parameters={"input_type": "query"})


class Hardships(unittest.TestCase):
    """The ways in which the service is hard, ordered by name."""

    def setUp(self):
        self.server = Server("--admin")
        self.addCleanup(self.server.stop)
        self.index = Pinecone(api_key=KEY, host=self.server.url).Index(host=self.server.url)
        self.index.upsert(vectors=[("v", [1.0, 2.0, 3.0])], namespace="ns")

    def test_three_failures_are_ridden_out_and_four_are_not(self):
        self.server.impose(faults=["503,times=3"])
        self.assertEqual(set(self.index.fetch(ids=["v"], namespace="ns").vectors), {"v"})
        self.server.impose(faults=["503,times=4"])
        with self.assertRaises(ServiceError):
            self.index.fetch(ids=["v"], namespace="ns")
        self.server.impose(faults=["500,times=1,effect=1"])
        self.assertEqual(self.index.upsert(vectors=[("w", [1.0, 2.0, 3.0])], namespace="ns").upserted_count, 1)

    def test_broken_connections(self):
        self.server.impose(faults=["drop,times=1"])
        self.assertEqual(set(self.index.fetch(ids=["v"], namespace="ns").vectors), {"v"})
        self.server.impose(faults=["reset,times=1"])  # the client does not try again what broke in mid-answer
        with self.assertRaises(PineconeConnectionError):
            self.index.upsert(vectors=[("kept", [1.0, 2.0, 3.0])], namespace="ns")
        self.assertEqual(set(self.index.fetch(ids=["kept"], namespace="ns").vectors), {"kept"})

    def test_rate_limits_and_retry_after(self):
        self.server.impose(faults=["429,retry_after=1,times=1"])
        self.assertEqual(set(self.index.fetch(ids=["v"], namespace="ns").vectors), {"v"})
        self.server.impose(faults=["429,retry_after=1"])
        with self.assertRaises(RateLimitError) as caught:
            self.index.fetch(ids=["v"], namespace="ns")
        self.assertEqual(caught.exception.retry_after, 1)

    def test_lag_shows_in_the_lsn_headers(self):
        self.server.impose(index_lag_ms=3_600_000)
        written = self.index.upsert(vectors=[("late", [1.0, 2.0, 3.0])], namespace="ns").response_info.lsn_committed
        read = self.index.fetch(ids=["late"], namespace="ns")
        self.assertEqual(dict(read.vectors), {})
        self.assertLess(read.response_info.lsn_reconciled, written)
        self.server.impose(index_lag_ms=0)
        read = self.index.fetch(ids=["late"], namespace="ns")
        self.assertEqual(set(read.vectors), {"late"})
        self.assertGreaterEqual(read.response_info.lsn_reconciled, written)

    def test_quotas_are_forbidden(self):
        self.server.impose(quota="starter,namespaces=2,indexes=1")
        self.index.upsert(vectors=[("v", [1.0, 2.0, 3.0])], namespace="second")
        with self.assertRaisesRegex(ForbiddenError, "max namespaces allowed in serverless index"):
            self.index.upsert(vectors=[("v", [1.0, 2.0, 3.0])], namespace="third")
        with self.assertRaisesRegex(ForbiddenError, "max serverless indexes"):
            Pinecone(api_key=KEY, host=self.server.url).create_index(name="more", **serverless(dimension=2))
        self.server.impose(quota="starter,read_units=1")
        self.index.fetch(ids=["v"], namespace="ns")
        with self.assertRaisesRegex(RateLimitError, "read unit limit for the current month"):
            self.index.fetch(ids=["v"], namespace="ns")

    def test_flags_order_the_same(self):
        other = Server("--admin", "--fault", "503,times=1", "--fault", "slow,delay=1", "--index-lag", "7", "--rate-limits", "--quota", "starter,indexes=2")
        self.addCleanup(other.stop)
        expected = {"index_lag_ms": 7, "faults": ["503,times=1", "slow,delay=1"], "rate_limits": True, "quota": "starter,indexes=2"}
        self.assertEqual(raw(other.url + "/_admin/conditions"), (200, expected))
        self.assertEqual(raw(other.url + "/_admin/conditions", "POST", {"faults": ["nonsense"]})[0], 400)
        self.assertEqual(raw(other.url + "/indexes")[0], 503)

    def test_the_admin_endpoint_is_off_unless_asked_for(self):
        self.assertEqual(raw(URL + "/_admin/conditions", "POST", {})[0], 404)


class Reach(unittest.TestCase):
    def test_nobody_answers(self):
        with self.assertRaises(PineconeConnectionError):
            Pinecone(api_key=KEY, host="http://127.0.0.1:9").list_indexes().names()

    def test_other_machines_need_a_key(self):
        with tempfile.TemporaryDirectory() as directory:
            refused = subprocess.run(
                [os.environ["REHOME_BINARY"], "pinecone-local", "--port", "0", "--dir", directory, "--address", "0.0.0.0"],
                capture_output=True, text=True, timeout=60)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("API key", refused.stderr)


class WrongKey(unittest.TestCase):
    def test_another_key_is_unauthorized(self):
        with self.assertRaises(UnauthorizedError):
            Pinecone(api_key="wrong", host=URL).Index(host=URL).describe_index_stats()


if __name__ == "__main__":
    unittest.main(warnings="ignore")

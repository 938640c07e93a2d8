"""The application writes while it is moved. What survives on the old side is an item with its own text's vector, once.

The writer is another program: plain SQL on the application's tables, or MongoDB's own Python driver. It keeps its own
book of what every document was last, which the new side is held against; it knows nothing of rehome.
"""
import contextlib
import random
import signal
import sqlite3
import threading
import time

import bson

import harness
from harness import CHECK_FAILED, DONE, INTERRUPTED, REFUSED, tearDownModule  # noqa: F401
from small_application import MANY_TENANTS, Case, Refused, VectorServer, item_id, job, jobs, wait_until

COUNT = 1200
SLUGS = {"org_acme": "acme", "org_bolt": "bolt", "org_cord": "cord"}
LOOKUP = {"Bolt Ltd": "org_bolt", "Nuts, Inc.": "org_bolt"}
PATIENCE_S = 240


def org_of(document):
    return "org_acme" if document.get("team") == "red" else LOOKUP.get(document["client"], "org_cord")


class Writer(threading.Thread):
    """Changes, deletes, adds, moves between tenants and brings back, until stopped or refused."""

    def __init__(self, app, seed=1, pause_s=0.002):
        super().__init__()
        self.app = app
        self.chance = random.Random(seed)
        self.pause_s = pause_s
        self.ended = threading.Event()
        self.documents = {item_id(d["_id"]): d for d in jobs(app.count)}
        self.gone = []
        self.touched = set()
        self.next_number = 10_000
        self.writes = 0
        self.refusal = None

    def run(self):
        with self.app.session() as session:
            while not self.ended.is_set() and self.refusal is None:
                try:
                    self.write(session)
                except Refused as error:
                    self.refusal = str(error)
                time.sleep(self.pause_s)  # an application is not all writes

    def write(self, session):
        what = self.chance.random()
        identity = self.chance.choice(list(self.documents))
        document = dict(self.documents[identity])
        if what < 0.1:
            session.delete("jobs", document["_id"])
            self.gone.append(self.documents.pop(identity))
        elif what < 0.2:
            self.next_number += 1
            document = {**job(self.next_number, self.chance), "_id": bson.ObjectId(f"{self.next_number:024x}")}
            self.insert(session, document)
        elif what < 0.25 and self.gone:
            document = self.gone[-1]
            self.insert(session, document)
            self.gone.pop()
        else:
            field = self.chance.choice(["title", "title", "team", "client", "internal"])
            document[field] = {"title": f"Rewritten {self.chance.random()}", "team": self.chance.choice(["red", "green"]),
                               "client": self.chance.choice(["Bolt Ltd", "Delta"]), "internal": self.chance.random()}[field]
            if what < 0.6:
                session.update("jobs", document["_id"], {field: document[field]})
            else:
                session.replace("jobs", document)
            self.documents[identity] = document
        self.touched.add(item_id(document["_id"]))
        self.writes += 1

    def insert(self, session, document):
        session.insert("jobs", document)
        self.documents[item_id(document["_id"])] = document

    def stop(self):
        self.ended.set()
        self.join()


class Online(Case):
    maxDiff = 1000
    count = COUNT
    writer_type = Writer

    def application(self, count=None, **cutover):
        return self.small(count=count or self.count, tenants=MANY_TENANTS, cutover={
            "env_file": {"path": ".env", "set": {"VECTOR_NAMESPACE": "jobs_acme"}}, "quiet": "200ms", **cutover}, **self.placed())

    def placed(self):
        """Where an application's stores stand, for test classes that put them elsewhere."""
        return {}

    def forget_changes(self, app):
        """The store no longer knows what changed so far."""
        with app.sqlite(write=True) as db:
            db.execute('DELETE FROM "$:feed" WHERE seq < (SELECT max(seq) FROM "$:feed")')
            db.execute('UPDATE "$:feed_pruned" SET upto = (SELECT max(seq) - 1 FROM "$:feed")')

    @contextlib.contextmanager
    def writer(self, app, **options):
        writer = self.writer_type(app, **options)
        writer.start()
        try:
            yield writer
        finally:
            writer.stop()

    def assert_new_side_is(self, app, documents):
        """Exactly these documents are items, each of the right tenant and with the right text, and each has exactly one
        vector, in its tenant's namespace, of that text."""
        expected = {item_id(d["_id"]): d for d in documents}
        found = app.documents("job_items")
        self.assertEqual(len(found), len({d["item_id"] for d in found}))
        items = {d["item_id"]: d for d in found}
        self.assertEqual(set(items) ^ set(expected), set())
        vectors = app.new_vectors()
        homes = {}
        for namespace, records in vectors.items():
            for vector_id in records:
                self.assertNotIn(vector_id, homes, "the same vector in two namespaces")
                homes[vector_id] = namespace
        self.assertEqual(homes, {i: f"jobs_{SLUGS[org_of(d)]}" for i, d in expected.items()})
        for identity, document in expected.items():
            item = items[identity]
            self.assertEqual((item["title"], item["client"], item["org_id"]), (document["title"], document["client"], org_of(document)))
            self.assertEqual((item["is_embedded"], item["embedding_id"]), (True, identity))
            metadata = vectors[homes[identity]][identity]["metadata"]
            self.assertEqual((metadata["org_id"], metadata["client"]), (item["org_id"], item["client"]))

    def assert_texts(self, app):
        """The text's digest in each vector is of the item's present text."""
        app.verify()

    def test_a_run_beside_a_writing_application_ends_with_what_survived(self):
        app = self.application()
        with self.writer(app) as writer:
            app.migrate("--through", "3", "--online")
            app.migrate("--through", "3", "--online")
        self.assertGreater(writer.writes, 20)
        app.migrate("--through", "3", "--online")
        self.assert_new_side_is(app, writer.documents.values())
        self.assertEqual({item_id(d["_id"]) for d in app.documents("jobs")}, {item_id(d["_id"]) for d in writer.documents.values()})
        self.assert_texts(app)
        app.migrate()
        self.assert_texts(app)

    def test_the_fence_of_the_cutover_stops_the_writer_and_no_write_is_lost(self):
        app = self.application()
        with self.writer(app) as writer:
            app.migrate("--online")
            writer.join(PATIENCE_S)
        self.assertIn("fenced", writer.refusal or "")
        self.assertEqual((app.pointer(), app.is_fenced()), ("jobs_acme", True))
        self.assert_new_side_is(app, writer.documents.values())
        self.assert_texts(app)

    def test_a_pause_that_a_faster_writer_would_make_too_long_is_foreseen_and_not_begun(self):
        app = self.application(count=60, write_pause_max="100ms")
        app.migrate("--through", "3", "--online")
        with self.writer(app, pause_s=0) as writer:
            self.write_more(writer, 30)  # it is at work, and writes more than 20 documents a second however busy the machine
            refused = app.run("run", "--online", "--set", "limits.vectors_per_s=20", "--yes", expect=INTERRUPTED)
            self.assertIn("the write pause would last", refused.err)
            self.assertIn("cutover.write_pause_max is 100 ms", refused.err)
            self.assertIn("nothing was fenced or flipped", refused.err)
            self.assertNotEqual(app.pointer(), "jobs_acme")
            self.write_more(writer, 20)  # nothing stops it
        app.migrate("--online", "--set", "cutover.write_pause_max=10s")
        self.assertEqual(app.pointer(), "jobs_acme")
        self.assert_new_side_is(app, writer.documents.values())
        app.verify()

    @staticmethod
    def write_more(writer, count):
        wanted = writer.writes + count
        wait_until(lambda: writer.writes >= wanted or not writer.is_alive(), "the writer's writes")
        assert writer.is_alive(), "the writer ended"

    def test_a_revert_carries_a_writer_on_the_new_side_until_it_rests(self):
        app = self.application(count=30, fence="none", quiet="2s")  # no pause of a busy machine's is taken for the writer's rest
        app.migrate("--online")
        process = app.start("revert", "--yes")
        self.addCleanup(process.kill)
        said = []
        reader = threading.Thread(target=lambda: said.extend(process.stderr))
        reader.start()
        written = 0
        with app.session() as session:
            while process.poll() is None and not any("job_items is still written to" in line for line in said):
                written += 1
                session.update("job_items", "job 1", {"title": f"New side {written}"})
        self.assertEqual(process.poll(), None, f"it ended beside a writer after {written} writes: {said}")
        self.assertNotEqual(app.pointer(), "jobs_acme")
        process.wait(PATIENCE_S)
        reader.join()
        process.stderr.close()
        process.stdout.close()
        self.assertEqual(process.returncode, DONE, said)
        self.assertEqual((app.status()["state"], app.document("jobs", "job 1")["title"]), ("migrated", f"New side {written}"))
        app.verify()

    def test_a_lost_position_of_the_new_side_is_made_up_for_by_comparing(self):
        app = self.application(count=30, fence="none")
        app.migrate("--online")
        app.change("job_items", "job 1", title="Of the new side")
        app.delete("job_items", "job 5")
        self.forget_changes(app)
        self.assert_error(app.run("revert", "--yes", expect=REFUSED), "--sweep")
        self.assertEqual(app.status()["state"], "cut_over")
        app.migrate("--online", "--sweep")
        done = app.run("revert", "--yes")
        self.assertIn("found by comparing both sides", done.err)
        self.assertEqual((app.status()["state"], app.document("jobs", "job 1")["title"]), ("migrated", "Of the new side"))
        self.assertNotIn("job 5", [d["_id"] for d in app.documents("jobs")])
        app.verify()

    def test_a_backup_beside_a_writer_that_never_rests_ends_and_is_whole(self):
        app = self.application()
        with self.writer(app, pause_s=0) as writer:
            for _ in range(3):
                app.run("backup", "create")
                app.run("backup", "verify")
            self.assertGreater(writer.writes, 20)

    def test_stopped_and_resumed_beside_a_writer(self):
        app = self.application()
        with self.writer(app, pause_s=0.001) as writer:
            for number in range(6):
                answer = app.stop_after(0.15 + 0.15 * number, "run", "--online", "--through", "3", "--yes", by=9 if number % 2 else 2)
                self.assertIn(answer.exit, (DONE, INTERRUPTED, -9), str(answer))
        app.migrate("--online", "--through", "3")
        self.assert_new_side_is(app, writer.documents.values())
        self.assert_texts(app)

    def test_following_carries_until_it_is_stopped(self):
        app = self.application(count=300)
        app.migrate("--through", "3", "--online")
        process = app.start("run", "--online", "--follow", "--through", "3", "--yes")
        with self.writer(app) as writer:
            while writer.writes < 150:
                time.sleep(0.01)
        last = writer.documents[next(iter(writer.documents))]
        wanted = (item_id(last["_id"]), "A last title")
        app.change("jobs", last["_id"], title=wanted[1])
        last["title"] = wanted[1]
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in {(d["item_id"], d["title"]) for d in app.documents("job_items")}:
            self.assertLess(time.monotonic(), deadline, "the change was not carried")
            self.assertIsNone(process.poll(), "it stopped by itself")
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, INTERRUPTED, said)
        app.migrate("--through", "3", "--online")
        self.assert_new_side_is(app, writer.documents.values())
        app.verify()

    def test_every_kind_of_change_between_two_runs_is_carried(self):
        app = self.application(count=30)
        app.migrate("--through", "3", "--online")
        documents = {item_id(d["_id"]): d for d in jobs(30)}

        def change(source_id, **fields):
            app.change("jobs", source_id, **fields)
            documents[item_id(source_id)].update(fields)

        change("job 1", title="Another title", client="Delta", team="green")
        change("job 5", team="red")                         # to another tenant
        change("job 9", team="blue", client="Bolt Ltd")     # to another tenant by look-up
        change(2, internal={"cost": 1})                      # nothing that the item shows
        app.delete("jobs", 6)
        del documents["job_n~6"]
        app.delete("jobs", "job 13")                        # and back again, otherwise
        back = {"_id": "job 13", "client": "Delta", "title": "Back again"}
        app.put_row("jobs", back)
        documents["job_s~job%2013"] = back
        new = {"_id": bson.ObjectId("f" * 24), "client": "Nuts, Inc.", "title": "New"}
        app.put_row("jobs", new)
        documents["job_" + "f" * 24] = new
        app.migrate("--through", "3", "--online")
        self.assert_new_side_is(app, documents.values())
        self.assert_texts(app)

    def test_a_document_that_stops_mapping_is_quarantined_and_its_vector_goes(self):
        app = self.application(count=30)
        app.contents["items"]["quarantine_max"] = 5
        app.write_plan()
        app.migrate("--through", "3", "--online")
        app.change("jobs", "job 1", title=7)
        app.migrate("--through", "3", "--online")
        self.assertEqual(app.status()["quarantined"], 1)
        self.assertEqual(app.document("job_items", "job 1"), None)
        self.assertNotIn("job_s~job%201", [i for records in app.new_vectors().values() for i in records])
        app.verify()
        app.change("jobs", "job 1", title="mended")
        app.migrate("--through", "3", "--online")
        self.assertEqual(app.status()["quarantined"], 0)
        self.assert_new_side_is(app, app.documents("jobs"))
        app.verify()

    def test_verify_before_the_feed_is_read_says_pending(self):
        app = self.application(count=30)
        app.migrate("--through", "3", "--online")
        app.change("jobs", "job 1", title="Changed")
        report = app.verify(expect=CHECK_FAILED)
        classes = {one["class"] for check in report["checks"] for one in check["discrepancies"]}
        self.assertEqual(classes, {"pending"})
        app.migrate("--through", "3", "--online")
        app.verify()

    def test_after_the_cutover_the_fence_refuses_the_old_side(self):
        app = self.application(count=30)
        app.migrate("--online")
        for write in ("UPDATE jobs SET document = document", "DELETE FROM jobs", "INSERT INTO jobs(key, id, document) VALUES(x'05', x'02', x'00')"):
            with self.assertRaisesRegex(sqlite3.IntegrityError, "fenced by rehome"), app.sqlite(write=True) as db:
                db.execute(write)

    def test_stragglers_without_a_fence_are_carried_or_saved(self):
        app = self.application(count=30, fence="none")
        app.migrate("--online")
        self.assertFalse(app.is_fenced())
        app.change("jobs", "job 1", title="A straggler")
        app.change("job_items", "job 5", title="The application's own")
        app.change("jobs", "job 5", title="A late straggler")
        app.delete("job_items", "job 9")
        app.change("jobs", "job 9", title="Too late")
        app.delete("jobs", "job 13")
        app.put_row("jobs", {"_id": "job 101", "client": "Delta", "title": "A new straggler"})
        answer = app.migrate("--online")
        self.assertEqual(app.document("job_items", "job 1")["title"], "A straggler")
        self.assertEqual(app.document("job_items", "job 5")["title"], "The application's own")
        self.assertIsNone(app.document("job_items", "job 9"))
        self.assertIsNone(app.document("job_items", "job 13"))
        self.assertEqual(app.document("job_items", "job 101")["title"], "A new straggler")
        saved = {d["datum_id"] for d in app.documents("rehome_saved")}
        self.assertEqual(saved, {'"job 5"', '"job 9"', '"job 13"'})
        self.assertIn("2 stragglers saved", answer.text)
        homes = {i for records in app.new_vectors().values() for i in records}
        self.assertIn("job_s~job%20101", homes)
        self.assertNotIn("job_s~job%2013", homes)

    def test_an_old_side_that_was_emptied_after_the_cutover_empties_nothing(self):
        app = self.application(count=30, fence="none")
        app.migrate("--online")
        for document in app.documents("jobs"):
            app.delete("jobs", document["_id"])
        items = app.documents("job_items")
        for verb in (["run", "--online", "--yes"], ["revert", "--yes"], ["repair", "--yes"]):
            app.run(*verb, expect=(REFUSED, CHECK_FAILED))
            self.assertEqual(app.documents("job_items"), items)
        self.assert_error(app.run("run", "--online", "--yes", expect=REFUSED), "nothing was changed")

    def test_an_offline_run_names_what_changed_under_it_and_goes_on_after(self):
        app = self.application()
        process = app.start("run", "--through", "3", "--yes")
        said = []
        for line in process.stderr:
            said.append(line)
            if "phase 2 items: started" in line:
                app.change("jobs", "job 1", title="Changed under the run")
                break
        out, err = process.communicate(timeout=PATIENCE_S)
        said = "".join(said) + err
        documents = {item_id(d["_id"]): d for d in jobs(self.count)}
        documents["job_s~job%201"]["title"] = "Changed under the run"
        if process.returncode == CHECK_FAILED:  # else the change came after the phase's last look
            self.assertIn('"job 1"', said)
        else:
            self.assertEqual(process.returncode, DONE, said)
            app.migrate("--through", "3", "--online")
        app.migrate("--through", "3")
        self.assert_new_side_is(app, documents.values())
        app.verify()

    def test_a_lost_position_is_a_loud_stop_and_a_sweep_mends_it(self):
        app = self.application(count=60)
        app.migrate("--through", "3", "--online")
        documents = {item_id(d["_id"]): d for d in jobs(60)}
        app.change("jobs", "job 1", title="Changed unseen", team="red")
        app.delete("jobs", "job 5")
        app.put_row("jobs", {"_id": "job 201", "client": "Delta", "title": "Added unseen"})
        documents["job_s~job%201"].update(title="Changed unseen", team="red")
        del documents["job_s~job%205"]
        documents["job_s~job%20201"] = app.document("jobs", "job 201")
        self.forget_changes(app)
        answer = app.migrate("--through", "3", "--online", expect=REFUSED)
        self.assert_error(answer, "--sweep")
        app.migrate("--through", "3", "--online", "--sweep")
        self.assert_new_side_is(app, documents.values())
        app.verify()

    def test_an_emptied_feed_table_is_a_lost_position_too(self):
        app = self.application(count=30)
        app.migrate("--through", "3", "--online")
        app.change("jobs", "job 1", title="Changed unseen")
        with app.sqlite(write=True) as db:
            db.execute('DELETE FROM "$:feed"')
        self.assert_error(app.migrate("--through", "3", "--online", expect=REFUSED), "--sweep")
        app.migrate("--through", "3", "--online", "--sweep")
        self.assert_new_side_is(app, app.documents("jobs"))
        app.verify()


class NewSideWriter(threading.Thread):
    """The application after the cutover: item, vector and mark of a document, then all of it away again, without a pause."""

    def __init__(self, app, server):
        super().__init__()
        self.app = app
        self.server = server
        self.ended = threading.Event()
        self.rounds = 0

    def run(self):
        like = next(d for d in self.app.documents("job_items") if isinstance(d["_id"], str))
        namespace = f"jobs_{SLUGS[like['org_id']]}"
        vector = self.server.vectors(namespace)[like["item_id"]]
        while not self.ended.is_set():
            self.rounds += 1
            source_id = f"job {50_000 + self.rounds % 7}"
            identity = item_id(source_id)
            item = {**like, "_id": source_id, "item_id": identity, "is_embedded": False, "embedding_id": None}
            self.app.put_row("job_items", item)
            self.server.upsert(namespace, [{**vector, "id": identity, "metadata": {**vector["metadata"], "item_id": identity}}])
            self.app.put_row("job_items", {**item, "is_embedded": True, "embedding_id": identity})
            self.app.put_row("job_items", {**item, "is_embedded": False, "embedding_id": None})
            self.server.delete(namespace, [identity])
            self.app.delete("job_items", source_id)

    def stop(self):
        self.ended.set()
        self.join()


class AfterCutover(Case):
    def test_an_application_that_writes_is_no_damage(self):
        app = self.small(loaded=False, count=300, tenants=MANY_TENANTS,
                         cutover={"env_file": {"path": ".env", "set": {"VECTOR_NAMESPACE": "jobs_acme"}}, "quiet": "50ms"})
        server = VectorServer(app)
        self.addCleanup(lambda: server.stop(signal.SIGKILL))
        app.contents["vectors"] = server.url
        app.write_plan()
        app.load()
        app.migrate()
        writer = NewSideWriter(app, server)
        writer.start()
        try:
            for _ in range(15):
                app.verify()
        finally:
            writer.stop()
        self.assertGreater(writer.rounds, 20)
        app.verify()
        some = next(iter(server.ids("jobs_cord")))
        server.delete("jobs_cord", [some])
        app.verify(expect=CHECK_FAILED)

if __name__ == "__main__":
    harness.main()

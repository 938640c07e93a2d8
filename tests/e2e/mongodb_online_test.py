"""The application writes to MongoDB while it is moved, as fast as it can, before and after the flip; rehome dies on the way."""
import signal
import time

import harness
import online_test
from harness import CHECK_FAILED, DONE, INTERRUPTED, REFUSED, tearDownModule  # noqa: F401
from mongodb_application import Case, CaseOnItsOwnServer, client_of, leave_out, shared_server, tests_of
from scripted_server import ScriptedServer, failure
from small_application import item_id, jobs, wait_until

PATIENCE_S = 240
KILLED = -signal.SIGKILL


CLOSED = "closed for writing"  # a file of the application's, which the hooks make and remove
HOOKS = {"fence": [["touch", CLOSED], ["sleep", "0.1"]], "unfence": [["rm", "-f", CLOSED]]}


class Writer(online_test.Writer):
    """An application that holds its writes back while it is closed."""

    def write(self, session):
        if not (self.app.dir / CLOSED).exists():
            super().write(session)


def until_cut_over(case, app):
    """A run beside the writer, which it follows as long as that writes; it is past the flip."""
    process = app.start("run", "--online", "--yes")
    case.addCleanup(process.kill)
    wait_until(lambda: app.pointer() == "jobs_acme" or process.poll() is not None, "the flip", PATIENCE_S)
    if process.poll() is not None:
        raise AssertionError(process.communicate())
    return process


class OnlineOnMongoDB(Case, online_test.Online):
    """mongo-java-server can be fenced by nothing but hooks: the writer is never refused, and what it writes after the flip
    is a straggler, which is carried."""

    count = 300  # this server is slower than a file
    writer_type = Writer

    def test_a_writer_before_and_after_the_flip_with_kills_between(self):
        # This server reads its whole oplog for each answer of a change stream, which takes its time under the fence too.
        app = self.application(count=200, hooks=HOOKS, write_pause_max="120s")
        with self.writer(app, pause_s=0) as writer:  # faster than this server shows changes
            for number in range(5):
                answer = app.stop_after(0.3 + 0.4 * number, "run", "--online", "--yes", by=signal.SIGKILL)
                self.assertIn(answer.exit, (DONE, KILLED), str(answer))
            process = until_cut_over(self, app)
            (app.dir / CLOSED).unlink(missing_ok=True)  # an instance of the application that knows nothing of the flip
            self.write_more(writer, 100)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.write_more(writer, 100)
            process = app.start("run", "--online", "--follow", "--yes")
            self.write_more(writer, 300)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, INTERRUPTED, said)
            self.write_more(writer, 50)
        app.migrate("--online")
        self.assertEqual((app.status()["state"], app.pointer(), writer.refusal), ("cut_over", "jobs_acme", None))
        self.assertEqual({item_id(d["_id"]) for d in app.documents("jobs")}, set(writer.documents))
        self.assert_new_side_is(app, writer.documents.values())
        app.verify()

    def test_following_ends_on_sigterm(self):
        app = self.application(count=60)
        app.migrate("--online")
        process = app.start("run", "--online", "--follow", "--yes")
        app.change("jobs", "job 1", title="A straggler")
        wait_until(lambda: app.document("job_items", "job 1")["title"] == "A straggler", "the straggler's item")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, INTERRUPTED, said)
        app.migrate("--online")
        app.verify()

    def test_the_position_advances_while_only_others_write(self):
        """Else the server's history runs out under a collection that rests."""
        app = self.application(count=30)
        app.migrate("--through", "3", "--online")
        before = app.documents("rehome_runs")[0]
        client_of(app.server.uri())["another"]["collection"].insert_many([{"n": n} for n in range(500)])
        app.migrate("--through", "3", "--online")
        self.assertNotEqual(self.positions(app.documents("rehome_runs")[0]), self.positions(before))

    @staticmethod
    def positions(run):
        found = {name: value for name, value in run.items() if "position" in name or "feed" in name}
        assert found, list(run)
        return found


# What only SQLite's tables or its fence can show.
leave_out(OnlineOnMongoDB, "test_a_lost_position_is_a_loud_stop_and_a_sweep_mends_it",
          "test_a_lost_position_of_the_new_side_is_made_up_for_by_comparing", "test_an_emptied_feed_table_is_a_lost_position_too",
          "test_after_the_cutover_the_fence_refuses_the_old_side", "test_the_fence_of_the_cutover_stops_the_writer_and_no_write_is_lost")


class LostPosition(Case, online_test.Online):
    """The server has dropped the part of its history that a run would go on from."""

    def setUp(self):
        self.between = ScriptedServer(shared_server().port)
        self.addCleanup(self.between.close)

    def placed(self):
        return {"door": self.between.port}

    def forget_changes(self, app):
        newest, = client_of(app.server.uri()).local["oplog.rs"].find().sort("ts", -1).limit(1)
        known = []  # tokens that the server gave since

        def streamed(request, forward):
            stream = next((stage["$changeStream"] for stage in request.doc["pipeline"] if "$changeStream" in stage), {})
            token = stream.get("resumeAfter") or stream.get("startAfter")
            at = stream.get("startAtOperationTime")
            if (token and token not in known) or (at and at <= newest["ts"]):
                return failure(286, "ChangeStreamHistoryLost", "Resume of change stream was not possible, as the resume point may no longer be in the oplog.")
            return remembered(request, forward)

        def remembered(_, forward):
            answer = forward()
            cursor = answer.get("cursor", {})
            known.extend(event["_id"] for name in ("firstBatch", "nextBatch") for event in cursor.get(name, []) if "operationType" in event)
            known.append(cursor.get("postBatchResumeToken"))
            return answer

        self.between.on("aggregate", streamed).on("getMore", remembered)


leave_out(LostPosition, *[name for name in tests_of(LostPosition) if not name.startswith("test_a_lost_position")])


class LongHistory(CaseOnItsOwnServer, online_test.Online):
    """This server would answer a stream that begins with all that ever happened since, and refuses to send 48 MB."""

    def test_more_than_one_answer_holds_is_carried(self):
        app = self.application(count=30)
        app.migrate("--through", "3", "--online")
        large = {**app.document("jobs", "job 1"), "notes": "n" * 200_000}  # an event of this server's carries it
        for number in range(300):
            app.collection("jobs").replace_one({"_id": "job 1"}, {**large, "title": f"Title {number}"})
        app.migrate("--through", "3", "--online")
        self.assertEqual(app.document("job_items", "job 1")["title"], "Title 299")
        self.assertNotIn("none", str(app.documents("rehome_runs")[0]["positions"]))  # by its feed, not by a sweep
        app.verify()


leave_out(LongHistory, *tests_of(online_test.Online))


class WithoutChangeStreams(CaseOnItsOwnServer, online_test.Online):
    """A standalone server has no oplog: both sides' digests say what changed."""

    oplog = False

    def test_the_sweep_finds_what_changed(self):
        app = self.application(count=300)
        said = app.migrate("--through", "3", "--online")
        self.assertRegex(said.out + said.err, r"no forward change feed: changes are found by comparing both sides \(.+\)")
        documents = {item_id(d["_id"]): d for d in jobs(300)}
        app.change("jobs", "job 1", title="Changed unseen", team="red")
        app.delete("jobs", "job 5")
        app.put_row("jobs", {"_id": "job 2001", "client": "Delta", "title": "Added unseen"})
        documents["job_s~job%201"].update(title="Changed unseen", team="red")
        del documents["job_s~job%205"]
        documents["job_s~job%202001"] = app.document("jobs", "job 2001")
        app.migrate("--online")
        self.assertEqual(app.status()["state"], "cut_over")
        self.assert_new_side_is(app, documents.values())
        app.verify()

    def test_a_source_that_somebody_dropped_deletes_no_item(self):
        app = self.application(count=60)
        app.migrate("--online")
        app.collection("jobs").drop()
        before = app.documents("job_items")
        refused = app.run("run", "--online", "--yes", expect=REFUSED)
        self.assertIn("jobs is gone or empty, and not by `rehome retire`", refused.err)
        self.assertIn("nothing was changed", refused.err)
        self.assertEqual(app.documents("job_items"), before)

    def test_beside_a_steady_writer_it_converges_or_says_that_it_does_not(self):
        app = self.application(count=300)
        with self.writer(app, pause_s=0.02) as writer:
            answer = app.migrate("--through", "3", "--online", expect=(DONE, INTERRUPTED, REFUSED))
            if answer.exit != DONE:
                self.assertIn("sweep", answer.err)
            time.sleep(0.1)
        self.assertGreater(writer.writes, 5)
        app.migrate("--through", "3", "--online")
        self.assert_new_side_is(app, writer.documents.values())
        app.verify()

    def test_the_cutover_beside_a_steady_writer_takes_what_that_wrote_for_pending(self):
        app = self.application(count=300)
        app.migrate("--through", "3", "--online")
        with self.writer(app, pause_s=0.005) as writer:
            self.write_more(writer, 20)
            process = until_cut_over(self, app)
            self.write_more(writer, 50)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, INTERRUPTED, said)
        app.migrate("--online")
        self.assertEqual((app.status()["state"], app.pointer(), writer.refusal), ("cut_over", "jobs_acme", None))
        self.assert_new_side_is(app, writer.documents.values())
        app.verify()

    def test_an_item_that_somebody_changed_stops_the_cutover(self):
        app = self.application(count=300)
        app.migrate("--through", "3", "--online")
        app.change("job_items", "job 1", title="Nobody of ours")
        refused = app.run("run", "--online", "--yes", expect=(CHECK_FAILED, REFUSED))
        self.assertIn("job_s~job%201", refused.err)
        self.assertNotEqual(app.pointer(), "jobs_acme")


leave_out(WithoutChangeStreams, *tests_of(online_test.Online))


if __name__ == "__main__":
    harness.main()

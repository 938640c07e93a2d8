"""The legacy collection is closed to the application by a validator, or its server by a user write block; both are lifted again,
after any crash, and the collection's own validator is back as it was."""
import contextlib
import signal
import sys

import pymongo

import harness
import online_test
from harness import CHECK_FAILED, tearDownModule  # noqa: F401
from mongodb_application import Case, MongoServer, client_of, leave_out, shared_server, tests_of
from fencing_server import FencingServer
from small_application import MANY_TENANTS

sys.path.insert(0, str(harness.SOURCE / "tests/crash"))
import cutover_test  # noqa: E402

OWN_VALIDATOR = {"$jsonSchema": {"bsonType": "object", "required": ["client"]}}


class Fenced(Case):
    """Between everybody and mongo-java-server stands a server that has validators."""

    @classmethod
    def setUpClass(cls):
        cls.server = FencingServer(shared_server())
        cls.addClassCleanup(cls.server.close)

    def placed(self):
        return {"server": self.server}

    def validation(self, app, collection="jobs"):
        info = next(info for info in client_of(app.server.uri())[app.database].list_collections() if info["name"] == collection)
        return {name: value for name, value in info["options"].items() if name.startswith("validat")}


class ByValidator(Fenced, online_test.Online):
    def test_check_names_it(self):
        app = self.application(count=12)
        self.assertIn("validator", app.run("check").text)

    def test_check_tells_what_a_revert_will_need(self):
        app = self.application(count=12)
        self.assertNotIn("bypassDocumentValidation", app.run("check").text)
        of_database = {"resource": {"db": app.database, "collection": ""}, "actions": ["find", "insert", "update", "remove", "collMod"]}
        user = {"authenticatedUsers": [{"user": "ann", "db": "admin"}], "authenticatedUserPrivileges": [of_database]}
        with self.server.answering("connectionStatus", {"ok": 1, "authInfo": user}):
            self.assertRegex(app.run("check").out, "warning +fence +the user may not write past the validator")
            of_database["actions"].append("bypassDocumentValidation")
            self.assertNotIn("bypassDocumentValidation", app.run("check").text)

    def test_a_validator_that_is_not_the_plans_is_named(self):
        app = self.application(count=12)
        app.migrate("--through", "3", "--online")
        app.verify()
        client_of(app.server.uri())[app.database].command("collMod", "job_items", validator={"$jsonSchema": {"bsonType": "object"}})
        found = {(check["check"], one["class"], one["id"]) for check in app.verify(expect=CHECK_FAILED)["checks"] for one in check["discrepancies"]}
        self.assertEqual(found, {("schema", "differing", "job_items validator")})

    def test_the_fence_stops_the_writer_and_no_write_is_lost(self):
        """It does not see deletes: they are carried."""
        # This server reads its whole oplog for each answer of a change stream.
        app = self.application(count=150, write_pause_max="120s")
        with self.writer(app) as writer:
            app.migrate("--online")
            writer.join(60)
        self.assertIn("failed validation", writer.refusal or "")
        self.assertEqual((app.pointer(), app.is_fenced()), ("jobs_acme", True))
        self.assert_new_side_is(app, writer.documents.values())
        app.verify()

    def test_every_kind_of_write_is_refused_and_a_delete_is_carried(self):
        app = self.application(count=30)
        app.migrate("--online")
        collection = app.collection("jobs")
        for write in (lambda: collection.insert_one({"_id": "new", "client": "Delta", "title": "New"}),
                      lambda: collection.update_one({"_id": "job 1"}, {"$set": {"title": "Changed"}}),
                      lambda: collection.replace_one({"_id": "job 1"}, {"client": "Delta", "title": "Changed"}),
                      lambda: collection.find_one_and_update({"_id": "job 1"}, {"$set": {"title": "Changed"}})):
            with self.assertRaises(pymongo.errors.OperationFailure) as refused:
                write()
            self.assertEqual(refused.exception.code, 121)
            self.assertIn("fenced by rehome", str(refused.exception.details))
        collection.delete_one({"_id": "job 5"})
        app.migrate("--online")
        self.assertIsNone(app.document("job_items", "job 5"))
        app.verify()

    def test_reverting_puts_the_collections_own_validator_back(self):
        for own in ({}, {"validator": OWN_VALIDATOR, "validationLevel": "moderate", "validationAction": "warn"}):
            with self.subTest(own=own):
                app = self.application(count=12)
                if own:
                    client_of(app.server.uri())[app.database].command("collMod", "jobs", **own)
                before = self.validation(app)
                app.migrate()
                self.assertNotEqual(self.validation(app), before)
                self.assertTrue(app.is_fenced())
                app.run("revert", "--yes")
                self.assertFalse(app.is_fenced())
                after = self.validation(app)
                self.assertEqual(after.get("validator", {}), before.get("validator", {}))
                if own:
                    self.assertEqual(after, before)
                app.change("jobs", "job 1", title="Written again")
                app.migrate("--online")
                app.verify()

    def test_what_was_written_since_goes_back_through_the_fence(self):
        app = self.application(count=30)
        app.migrate("--online")
        app.change("job_items", "job 1", title="On the new side")
        app.run("revert", "--yes")
        self.assertEqual(app.document("jobs", "job 1")["title"], "On the new side")
        app.verify()

    def test_retiring_takes_the_fence_away_with_the_collection(self):
        app = self.application(count=12)
        app.migrate()
        app.at(25, "retire", "--yes")
        self.assertNotIn("jobs", app.collections())
        app.at(26, "rollback", "--phase", "5", "--yes")
        self.assertEqual(len(app.raw("jobs")), 12)

    def test_a_fence_that_a_backup_holds_is_said_when_it_is_restored(self):
        app = self.application(count=12)
        app.run("backup", "create", "--dir", "open")
        app.migrate()
        app.run("backup", "create", "--dir", "closed")
        for directory, closed in (("open", False), ("closed", True)):
            into = f"{app.env['MONGODB_URI']}_{directory}"
            answer = app.run("backup", "restore", "--dir", directory, "--only", "documents", "--into", into, "--yes")
            self.assertEqual("jobs is closed to the application" in answer.err, closed, answer)

    def test_the_items_own_schema_is_their_collections_validator(self):
        app = self.application(count=12)
        app.migrate("--through", "2")
        self.assertIn("$jsonSchema", self.validation(app, "job_items").get("validator", {}))


leave_out(ByValidator, *tests_of(online_test.Online))


class KilledUnderTheValidator(Fenced, cutover_test.CutoverKilled):
    pass


class ByUserWriteBlock(Case):
    """Source and target are different clusters, the source's holds nothing that stays."""

    @classmethod
    def setUpClass(cls):
        cls.source, cls.target = cls.cluster(), cls.cluster()

    @classmethod
    def cluster(cls):
        server = MongoServer()
        cls.addClassCleanup(server.close)
        fencing = FencingServer(server)
        cls.addClassCleanup(fencing.close)
        return fencing

    def application(self, stays=()):
        return self.small(count=200, tenants=MANY_TENANTS, server=self.source, target=self.target,
                          documents={"source": "${MONGODB_URI}", "target": "${TARGET_URI}"},
                          retire={"after": "24h", "collections": sorted({"jobs", "letters"} - set(stays)), "namespaces": ["letters"]})

    def setUp(self):
        self.source.blocked = False

    def test_check_names_it(self):
        self.assertIn("setUserWriteBlockMode", self.application().run("check").text)

    def test_not_where_something_stays_that_the_application_writes(self):
        app = self.application(stays=["letters"])
        self.assertNotIn("setUserWriteBlockMode", app.run("check").text)
        with self.source.when_blocked(lambda on: self.fail("blocked")):
            app.migrate("--online")
        self.assertTrue(app.is_fenced())

    def test_not_where_the_cluster_holds_something_else(self):
        app = self.application()
        other = client_of(self.source.uri())
        other["another"]["collection"].insert_one({"n": 1})
        try:
            self.assertNotIn("setUserWriteBlockMode", app.run("check").text)
        finally:
            other.drop_database("another")

    def test_it_holds_during_the_pause_and_a_validator_after(self):
        app = self.application()
        blocked = []
        with self.source.when_blocked(blocked.append):
            app.migrate("--online")
        self.assertEqual(blocked, [True, False])
        self.assertTrue(app.is_fenced())
        app.collection("letters").update_one({"_id": "letter 1"}, {"$set": {"seen": True}})  # the rest is free
        app.run("revert", "--yes")
        self.assertEqual((self.source.blocked, app.is_fenced()), (False, False))
        app.verify()


# What a person may do next, and where that leads: (state, whether the old side is closed).
NEXT = {
    ("cutover", "--yes"): ("cut_over", True),
    ("run", "--online", "--yes"): ("cut_over", True),
    ("revert", "--yes"): ("migrated", False),
    ("rollback", "--phase", "3", "--yes"): ("interrupted", False),
    ("rollback", "--all", "--yes"): ("rolled_back", False),
}


class KilledUnderAFence:
    """Killed the very moment that a fence was raised, and the very moment that it was to be lifted, the cutover being taken
    back: the state is said, and whatever a person does next leads on. For each kind of fence."""

    def killing(self, app, raised, victims):
        """A context manager: the rehome in `victims` dies in raising the fence, or in lifting it."""
        raise NotImplementedError

    def stands(self, app):
        """Whether the fence does."""
        raise NotImplementedError

    def left_by_a_kill(self, raised):
        app = self.application()
        app.migrate("--online", "--through", "3")
        if not raised:  # lifted when the pause was too long
            app.contents["cutover"]["write_pause_max"] = "1ms"
            app.write_plan()
        victims = []
        with self.killing(app, raised, victims):
            victims.append(app.start("cutover", "--yes"))
            said = victims[0].communicate()
        self.assertEqual(victims[0].returncode, -signal.SIGKILL, said)
        self.assertEqual(self.stands(app), raised)
        app.contents["cutover"]["write_pause_max"] = "10s"
        app.write_plan()
        return app

    def test_a_reading_verb_says_it_and_changes_nothing(self):
        app = self.left_by_a_kill(True)
        for verb in (("status",), ("status", "--json"), ("verify",), ("check",), ("explain", "job 1")):
            self.assertIn("ATTENTION", app.run(*verb, expect=None).text, verb)
        self.assertTrue(self.stands(app))
        self.assertTrue(app.status()["fence"])

    def test_whatever_is_done_next(self):
        for raised in (True, False):
            for verb, (state, closed) in NEXT.items():
                with self.subTest(raised=raised, verb=verb):
                    app = self.left_by_a_kill(raised)
                    answer = app.run(*verb)
                    self.assertEqual((app.status()["state"], self.stands(app)), (state, closed and self.stays), answer.text)
                    self.assertEqual(app.pointer(), "jobs_acme" if closed else "letters")
                    if not closed:
                        app.change("jobs", "job 1", title="Written again")
                        app.migrate("--online")
                    app.verify()
                    app.remove()

    stays = True  # until the old side is retired or taken back to


class KilledUnderTheCollectionsValidator(KilledUnderAFence, Fenced):
    def application(self):
        return self.small(count=60, tenants=MANY_TENANTS, **self.placed())

    @contextlib.contextmanager
    def killing(self, app, raised, victims):
        with self.server.when("validator", lambda on: victims[0].kill() if on == raised else None):
            yield

    def stands(self, app):
        return app.is_fenced()


class KilledUnderTheUserWriteBlock(KilledUnderAFence, ByUserWriteBlock):
    stays = False  # the validator does

    @contextlib.contextmanager
    def killing(self, app, raised, victims):
        with self.source.when_blocked(lambda on: victims[0].kill() if on == raised else None):
            yield

    def stands(self, app):
        return self.source.blocked


class KilledUnderTheHooks(KilledUnderAFence, Case):
    """mongo-java-server has no other fence."""

    def application(self):
        # The hook's parent is rehome.
        def hook(name, command):
            return [["sh", "-c", f"{command}; if [ -e kill_{name} ]; then rm kill_{name}; kill -9 $PPID; fi"]]

        return self.small(count=60, tenants=MANY_TENANTS, cutover={
            "env_file": {"path": ".env", "set": {"VECTOR_NAMESPACE": "jobs_acme"}}, "quiet": "100ms",
            "hooks": {"fence": hook("fence", "touch closed"), "unfence": hook("unfence", "rm -f closed")}})

    @contextlib.contextmanager
    def killing(self, app, raised, victims):
        (app.dir / ("kill_fence" if raised else "kill_unfence")).touch()
        yield

    def stands(self, app):
        return (app.dir / "closed").exists()


leave_out(KilledUnderTheUserWriteBlock, *[name for name in vars(ByUserWriteBlock) if name.startswith("test_")])


if __name__ == "__main__":
    harness.main()

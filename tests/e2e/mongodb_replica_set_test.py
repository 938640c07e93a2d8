"""The whole way on a server with a real replica set's manners: sessions, retryable writes, filters over whole documents,
transactions. It refuses every command that MongoDB would not take, and none may be refused."""
import harness
import online_test
from harness import tearDownModule  # noqa: F401
from mongodb_application import Case, leave_out, shared_server
from replica_set import ReplicaSet
from small_application import MANY_TENANTS


class OnAReplicaSet(Case, online_test.Online):
    @classmethod
    def setUpClass(cls):
        cls.server = ReplicaSet(shared_server())
        cls.addClassCleanup(cls.server.close)

    def placed(self):
        return {"server": self.server}

    def tearDown(self):
        self.assertEqual(self.server.refused, [])
        super().tearDown()

    def test_check_tells_what_it_found(self):
        said = self.application(count=12).run("check").text
        for word in ("replica set rs0", "validator"):
            self.assertIn(word, said)

    def test_there_and_back_and_retired(self):
        app = self.small(count=60, tenants=MANY_TENANTS, server=self.server)
        app.migrate("--online")
        app.change("job_items", "job 1", title="On the new side")
        app.delete("job_items", "job 5")
        app.run("revert", "--yes")
        self.assertEqual(app.document("jobs", "job 1")["title"], "On the new side")
        self.assertIsNone(app.document("jobs", "job 5"))
        app.migrate("--online")
        app.verify()
        app.at(25, "retire", "--yes")
        self.assertNotIn("jobs", app.collections())
        self.assertEqual(app.status()["state"], "retired")
        app.verify()
        app.at(26, "rollback", "--phase", "5", "--yes")
        self.assertEqual(len(app.raw("jobs")), 59)
        app.verify()
        app.change("job_items", "job 9", title="Written after the old side was back")
        app.run("revert", "--yes")
        self.assertEqual(app.document("jobs", "job 9")["title"], "Written after the old side was back")
        app.migrate("--online")
        app.verify()
        app.run("rollback", "--all", "--yes")
        self.assertEqual(len(app.raw("jobs")), 59)
        app.migrate("--online")
        app.verify()

    def test_a_collection_that_somebody_renamed_or_dropped_stops_the_run(self):
        """As its stream tells: nothing is deleted on the new side, and what to do about it is said."""
        def renamed(app):
            app.side("jobs").client.admin.command("renameCollection", f"{app.database}.jobs", to=f"{app.database}.elsewhere")

        def back(app):
            app.side("jobs").client.admin.command("renameCollection", f"{app.database}.elsewhere", to=f"{app.database}.jobs")

        def made_anew(app):
            documents = app.documents("jobs")
            app.collection("jobs").drop()
            app.collection("jobs").insert_many(documents)

        for end, again in ((renamed, back), (made_anew, lambda app: None)):
            with self.subTest(end=end.__name__):
                app = self.application(count=30)
                app.migrate("--online", "--through", "3")
                end(app)
                self.assertIn("--sweep", app.run("run", "--online", "--yes", expect=harness.REFUSED).err)
                self.assertEqual(len(app.documents("job_items")), 30)
                again(app)
                app.migrate("--online", "--sweep")
                app.verify()

    def test_beside_a_writer(self):
        app = self.application(count=100)
        with self.writer(app, pause_s=0.01) as writer:
            app.migrate("--online")
            writer.join(60)
        self.assert_new_side_is(app, writer.documents.values())
        app.verify()


leave_out(OnAReplicaSet, *[name for name in dir(online_test.Online) if name.startswith("test_")])


if __name__ == "__main__":
    harness.main()

"""The whole way on a server with a real replica set's manners: sessions, retryable writes, filters over whole documents,
transactions. It refuses every command that MongoDB would not take, and none may be refused."""
import harness
import online_test
from harness import tearDownModule  # noqa: F401
from mongodb_application import Case, client_of, leave_out, shared_server, tests_of
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
        for word in ("replica set rs0", "validator", "database_stream true", "cluster_time true", "compares_whole_documents true"):
            self.assertIn(word, said)

    def test_views_and_time_series_are_refused_by_name(self):
        for options, word in (({"viewOn": "jobs", "pipeline": [], "collation": {"locale": "en", "strength": 2}}, "view"),
                              ({"timeseries": {"timeField": "at"}}, "time-series")):
            for role in ("backup", "items"):
                with self.subTest(word=word, role=role):
                    app = self.small(loaded=False, server=self.server)
                    client_of(self.server.uri())[app.database].command("create", "peculiar", **options)
                    if role == "backup":
                        app.contents["backup"]["collections"].append("peculiar")
                        app.load()
                    else:
                        app.contents["items"]["from"] = "peculiar"
                    app.write_plan()
                    answer = app.run("check", expect=harness.REFUSED)
                    self.assertRegex(answer.out, f"error +collection peculiar +is a {word}")
                    self.assertIn("1 error to mend", answer.out)
                    self.assertRegex(app.run("run", "--yes", expect=harness.REFUSED).err, f"peculiar.*is a {word}")
                    self.assertNotIn("job_items", app.collections())

    def test_capped_expiring_and_collated_collections_are_warned_of_and_carried(self):
        app = self.small(loaded=False, server=self.server)
        database = client_of(self.server.uri())[app.database]
        options = {"jobs": {"collation": {"locale": "en", "strength": 2}}, "letters": {"capped": True, "size": 1 << 20}}
        for name, of_it in options.items():
            database.command("create", name, **of_it)
        database["jobs"].create_index("at", name="expires", expireAfterSeconds=3600)
        app.contents["retire"]["collections"] = ["jobs", "letters"]
        app.write_plan()
        app.load()
        before = app.legacy()
        said = app.run("check").out
        for word in ("jobs +has a default collation", "jobs +index expires expires documents", "letters +is capped"):
            self.assertRegex(said, f"warning +collection {word}")
        app.migrate("--online")
        app.verify()
        app.at(25, "retire", "--yes")
        self.assertFalse({"jobs", "letters"} & app.collections())
        app.at(26, "rollback", "--all", "--yes")
        self.assertEqual(app.legacy(), before)
        for name, of_it in options.items():
            stands = next(info["options"] for info in database.list_collections() if info["name"] == name)
            self.assertEqual({key: stands.get(key) for key in of_it}, of_it)
        self.assertEqual(database["jobs"].index_information()["expires"]["expireAfterSeconds"], 3600)

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

    def test_a_position_that_the_oplog_lost_stops_the_run_until_a_sweep(self):
        app = self.application(count=30)
        app.migrate("--online", "--through", "3")
        app.change("jobs", "job 1", title="Written while nobody followed")
        self.server.streams.history_begins = self.server.streams.now()
        self.addCleanup(setattr, self.server.streams, "history_begins", 0)
        app.change("jobs", "job 5", title="So was this")
        self.assertIn("--sweep", app.run("run", "--online", "--yes", expect=harness.REFUSED).err)
        app.migrate("--online", "--sweep")
        self.assertEqual(app.document("job_items", "job 1")["title"], "Written while nobody followed")
        app.verify()

    def test_the_position_moves_on_while_only_others_write(self):
        app = self.application(count=12)
        app.migrate("--online")
        before = app.status()["watermarks"]["applied_through"]
        client_of(self.server.uri())[app.database]["others"].insert_one({"n": 1})
        app.migrate("--online")
        self.assertNotEqual(app.status()["watermarks"]["applied_through"], before)

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


KEPT = {"test_every_kind_of_change_between_two_runs_is_carried", "test_following_carries_until_it_is_stopped",
        "test_stopped_and_resumed_beside_a_writer"}
leave_out(OnAReplicaSet, *[name for name in tests_of(online_test.Online) if name not in KEPT])


if __name__ == "__main__":
    harness.main()

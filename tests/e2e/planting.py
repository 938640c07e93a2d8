"""Corruptions, each planted alone past rehome, as a faulty program or a careless hand would do it: documents with SQL,
vectors over HTTP, files with an editor. sabotage_test.py asks that verify names each, repair_test.py that repair mends it.

A plant is a function of a Planted test; what verify must say of it stands in its decorator:
  expected  a function of the test: the {(check, class, id)} that must be found; nobody else's id may be
  mended    True: repair brings verify back to zero findings; "foreign": repair leaves it and names it; None: what cannot
            be mended (a backup, the audit log, a pointer of somebody else's) is still named after a repair
  stage     "migrated" (phases 0 to 3 ran) or "cutover"
"""
import hashlib
import json
import pathlib
import random
import struct

import bson

from harness import CHECK_FAILED
from small_application import DIMENSION, MANY_TENANTS, Case, SmallApplication, item_id, sqlite_key

COUNT = 40
CUTOVER = {"env_file": {"path": ".env", "set": {"VECTOR_NAMESPACE": "jobs_acme"}}, "quiet": "50ms"}
PLANTS = {}


def plant(expected, mended=True, stage="migrated"):
    def add(function):
        PLANTS[function.__name__] = (function, expected, mended, stage)
        return function
    return add


class Planted(Case):
    """One migrated application per class, put back as it was before each test."""

    maxDiff = 2000
    stages = {}

    @classmethod
    def tearDownClass(cls):
        for application in cls.stages.values():
            application.remove()
        cls.stages.clear()

    def at_stage(self, stage):
        if stage not in self.stages:
            application = SmallApplication(count=COUNT, tenants=MANY_TENANTS, cutover=CUTOVER)
            self.stages[stage] = application
            application.contents["verify"]["reembed"] = 1000
            application.write_plan()
            application.load()
            application.migrate(*(("--through", "3") if stage == "migrated" else ()))
            application.keep()
        else:
            self.stages[stage].rewind()
        self.application = self.stages[stage]
        bolt = [d for d in self.application.documents("job_items") if d["org_id"] == "org_bolt" and isinstance(d["_id"], str)]
        self.victim, self.other = bolt[0], bolt[1]
        self.home = "jobs_bolt"

    def findings(self, *arguments):
        """{(check, class, id)} of a verification that must fail."""
        return found_in(self.application.verify(*arguments, expect=CHECK_FAILED))

    def assert_named(self, expected, found):
        """Every expected finding is there, and nobody but the victims is named."""
        self.assertLessEqual(expected, found, found)
        self.assertEqual({one[2] for one in found}, {one[2] for one in expected}, found)

    @property
    def identity(self):
        return self.victim["item_id"]

    # --- hands

    def edit_item(self, change, victim=None):
        source_id = (victim or self.victim)["_id"]
        self.application.write("job_items", change, lambda d: d["_id"] == source_id)

    def drop_index(self, name):
        """As `dropIndex` does: out of the catalog, and out of the file."""
        with self.application.sqlite(write=True) as db:
            (number,), = db.execute('SELECT number FROM "$:indexes" WHERE name = ?', (name,)).fetchall()
            db.execute('DELETE FROM "$:indexes" WHERE number = ?', (number,))
            db.execute(f'DROP TABLE IF EXISTS "$:index:{number}"')

    def edit_backup(self, name, change):
        """`change` of the bytes of one file of the run's backup; None removes it."""
        backups = self.application.json("backup", "list")["backups"]
        path = pathlib.Path(self.application.dir, backups[0], name)
        content = change(path.read_bytes())
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)

    def replant(self, namespace=None, without=(), **changes):
        """The victim's vector with some of it changed, in its own namespace or in another one."""
        with self.application.index() as index:
            record = index.vectors(self.home)[self.identity]
            metadata = {**record["metadata"], **changes.pop("metadata", {})}
            metadata = {key: value for key, value in metadata.items() if key not in without}
            index.upsert(namespace or self.home, [{**record, "metadata": metadata, **changes}])

    def sealed_values(self, values):
        """`values` with the stamp that makes the vector agree with itself."""
        packed = struct.pack(f"<{len(values)}f", *values)
        return {"values": list(struct.unpack(f"<{len(values)}f", packed)), "metadata": {"rehome_values": hashlib.md5(packed).hexdigest()}}

    def without_feed(self):
        with self.application.sqlite(write=True) as db:
            for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '$:feed:%'").fetchall():
                db.execute(f'DROP TRIGGER "{trigger}"')


def found_in(report):
    return {(check["check"], one["class"], one["id"]) for check in report["checks"] for one in check["discrepancies"]}


def differing(test):
    return {("digests", "differing", test.identity)}


def misplaced(test):
    return {("digests", "misplaced", test.identity)}


# --- items


@plant(lambda t: {("digests", "missing", t.identity), ("orphans", "extra", t.identity)})
def a_lost_item(test):
    test.application.delete("job_items", test.victim["_id"])


@plant(differing)
def a_dropped_field(test):
    test.edit_item(lambda d: {k: v for k, v in d.items() if k != "topics"})


@plant(differing)
def an_added_field(test):
    test.edit_item(lambda d: {**d, "extra": 1})


@plant(differing)
def another_order_of_fields(test):
    """Equal for a database that compares values, not for one who compares bytes."""
    test.edit_item(lambda d: dict(reversed(d.items())))


@plant(lambda t: differing(t) | {("schema", "differing", t.identity)})
def a_changed_type(test):
    test.edit_item(lambda d: {**d, "client": bson.Code(d["client"])})


@plant(differing)
def one_blank_more(test):
    test.edit_item(lambda d: {**d, "title": d["title"] + " "})


@plant(lambda t: differing(t) | {("schema", "differing", t.identity)})
def a_field_set_to_null(test):
    test.edit_item(lambda d: {**d, "client": None})


@plant(differing)
def a_list_in_another_order(test):
    test.edit_item(lambda d: {**d, "topics": ["zzz", *d["topics"]]})


@plant(misplaced)
def a_wrong_organization(test):
    test.edit_item(lambda d: {**d, "org_id": "org_acme"})


@plant(misplaced)
def an_organization_that_does_not_exist(test):
    test.edit_item(lambda d: {**d, "org_id": "org_nobody"})


@plant(misplaced)
def no_organization(test):
    test.edit_item(lambda d: {k: v for k, v in d.items() if k != "org_id"})


@plant(lambda t: misplaced(t) | {("tenants", "misplaced", t.identity)})
def a_profile_of_another_organization(test):
    test.edit_item(lambda d: {**d, "profile_id": "prof_ann"})


@plant(lambda t: {("digests", "differing", t.identity), ("digests", "differing", t.other["item_id"])})
def swapped_ids(test):
    test.edit_item(lambda d: {**d, "item_id": test.other["item_id"]})
    test.edit_item(lambda d: {**d, "item_id": test.identity}, test.other)


@plant(lambda t: {("digests", "differing", t.identity), ("digests", "differing", t.other["item_id"])})
def swapped_contents(test):
    keep = ("_id", "item_id", "org_id", "profile_id", "is_embedded", "embedding_id")
    def with_contents_of(one):
        return lambda d: {k: d[k] if k in keep else one[k] for k in d}
    test.edit_item(with_contents_of(test.other))
    test.edit_item(with_contents_of(test.victim), test.other)


@plant(lambda t: {("digests", "extra", "job_s~job%20999"), ("orphans", "missing", "job_s~job%20999")}, mended="foreign")
def an_item_without_a_source(test):
    test.application.put_row("job_items", {**test.victim, "_id": "job 999", "item_id": "job_s~job%20999", "embedding_id": "job_s~job%20999"})


@plant(lambda t: {("orphans", "duplicate", t.identity)}, mended="foreign")
def an_item_twice(test):
    test.application.put_row("job_items", {**test.victim, "_id": "job 999"})


@plant(lambda _: {("schema", "missing", "job_items.item_id_unique")})
def the_index_of_item_ids_dropped(test):
    test.drop_index("item_id_unique")


@plant(lambda _: {("schema", "missing", "organizations.slug_unique")}, stage="cutover")
def the_index_of_slugs_dropped(test):
    test.drop_index("slug_unique")


@plant(lambda _: {("pointers", "differing", "pointers")}, mended=None)
def an_application_pointed_to_the_new_side_by_hand(test):
    test.application.env_file.write_text("VECTOR_NAMESPACE=jobs_acme\n")


@plant(lambda _: {("pointers", "missing", "namespace letters")}, mended=None, stage="cutover")
def the_old_sides_vectors_deleted_before_it_is_retired(test):
    with test.application.index() as index:
        index.call("POST", "/vectors/delete", {"namespace": "letters", "deleteAll": True})


@plant(lambda t: {("counts", "differing", t.identity)})
def a_mark_taken_away(test):
    test.edit_item(lambda d: {**d, "is_embedded": False, "embedding_id": None})


@plant(lambda t: {("counts", "differing", t.identity)})
def a_mark_of_another_vector(test):
    test.edit_item(lambda d: {**d, "embedding_id": "job_n~2"})


# --- vectors


@plant(lambda t: {("orphans", "missing", t.identity)})
def a_deleted_vector(test):
    with test.application.index() as index:
        index.delete(test.home, [test.identity])


@plant(lambda t: {("orphans", "misplaced", t.identity)}, mended="foreign")
def a_vector_moved_to_another_tenant(test):
    test.replant("jobs_acme")
    with test.application.index() as index:
        index.delete(test.home, [test.identity])


@plant(lambda t: {("orphans", "misplaced", t.identity)}, mended="foreign")
def a_vector_in_a_second_namespace_too(test):
    test.replant("jobs_acme")


@plant(lambda t: {("orphans", "misplaced", t.identity)}, mended="foreign")
def a_vector_in_a_namespace_that_the_template_could_give_to_anybody(test):
    test.replant("jobs_somebody")


@plant(lambda t: {("orphans", "misplaced", t.identity)}, mended="foreign")
def a_vector_in_the_legacy_namespace_too(test):
    test.replant("letters")


@plant(lambda t: {("orphans", "extra", "job_s~nobody")}, mended="foreign")
def an_orphan_vector(test):
    test.replant(id="job_s~nobody", metadata={"item_id": "job_s~nobody"})


@plant(lambda t: {("vectors", "stale", t.identity)})
def a_vector_of_another_contract(test):
    test.replant(metadata={"rehome_contract": "0" * 64})


@plant(lambda t: {("vectors", "stale", t.identity)})
def a_vector_stamped_with_another_text(test):
    test.replant(metadata={"rehome_text": "0" * 32})


@plant(lambda t: {("vectors", "stale", t.identity)})
def a_vector_of_an_older_text(test):
    """Right in itself: values, their stamp and the text's stamp belong together, but the item says something else now."""
    with test.application.index() as index:
        older = index.vectors(test.home)[test.other["item_id"]]
    test.replant(values=older["values"], metadata={k: older["metadata"][k] for k in ("rehome_text", "rehome_values")})


@plant(lambda t: {("vectors", "stale", t.identity)})
def a_vector_of_another_model_of_the_same_dimension(test):
    """All its stamps are right; only embedding the text again tells."""
    chance = random.Random(5)
    values = [chance.uniform(-1, 1) for _ in range(DIMENSION)]
    length = sum(v * v for v in values) ** 0.5
    test.replant(**test.sealed_values([v / length for v in values]))


@plant(lambda t: {("vectors", "differing", t.identity)})
def a_vector_of_another_length(test):
    with test.application.index() as index:
        values = index.vectors(test.home)[test.identity]["values"]
    test.replant(**test.sealed_values([2 * v for v in values]))


@plant(lambda t: {("vectors", "differing", t.identity)})
def changed_values(test):
    test.replant(values=[0.25] * DIMENSION)


def with_another_bit(test):
    """The vector's values with one bit of one float changed."""
    with test.application.index() as index:
        values = index.vectors(test.home)[test.identity]["values"]
    place = max(range(DIMENSION), key=lambda n: abs(values[n]))
    values[place] *= 1 + 2 ** -22
    return values


@plant(lambda t: {("vectors", "differing", t.identity)})
def values_changed_by_one_bit_of_one_float(test):
    test.replant(values=with_another_bit(test))


@plant(lambda t: {("vectors", "differing", t.identity)})
def one_bit_of_one_float_with_its_stamp(test):
    """Nothing in the vector tells, nor its text embedded again: only the journal knows what was written."""
    test.replant(**test.sealed_values(with_another_bit(test)))


@plant(lambda t: {("vectors", "differing", t.identity), ("vectors", "differing", t.other["item_id"])})
def two_vectors_with_their_values_swapped(test):
    with test.application.index() as index:
        records = index.vectors(test.home)
        one, two = records[test.identity], records[test.other["item_id"]]
        index.upsert(test.home, [{**one, "values": two["values"]}, {**two, "values": one["values"]}])


@plant(lambda t: {("vectors", "differing", t.identity), ("vectors", "differing", t.other["item_id"])})
def two_vectors_with_their_ids_swapped(test):
    with test.application.index() as index:
        records = index.vectors(test.home)
        one, two = records[test.identity], records[test.other["item_id"]]
        index.upsert(test.home, [{**one, "id": two["id"]}, {**two, "id": one["id"]}])


@plant(lambda t: {("vectors", "differing", t.identity)})
def edited_metadata(test):
    test.replant(metadata={"client": "Somebody Else"})


@plant(lambda t: {("vectors", "differing", t.identity)})
def truncated_metadata(test):
    test.replant(without=("client", "topics"))


@plant(lambda t: {("vectors", "differing", t.identity)})
def metadata_without_our_stamps(test):
    test.replant(without=("rehome_contract", "rehome_text", "rehome_values"))


@plant(lambda t: {("vectors", "differing", t.identity)})
def metadata_with_one_key_more(test):
    test.replant(metadata={"note": "checked"})


@plant(lambda t: {("vectors", "differing", t.identity)})
def metadata_of_another_tenant(test):
    test.replant(metadata={"org_id": "org_acme"})


# --- tenants


@plant(lambda t: {("tenants", "missing", "org_bolt")})
def a_deleted_organization(test):
    test.application.delete("organizations", "org_bolt")


@plant(lambda t: {("tenants", "differing", "org_bolt")})
def an_edited_organization(test):
    test.application.change("organizations", "org_bolt", slug="acme")


@plant(lambda t: {("tenants", "missing", "prof_bea")})
def a_deleted_profile(test):
    test.application.delete("freelancer_profiles", "prof_bea")


@plant(lambda t: {("tenants", "differing", "prof_bea")})
def a_profile_given_to_another_organization(test):
    test.application.change("freelancer_profiles", "prof_bea", org_id="org_acme")


@plant(lambda t: {("tenants", "duplicate", "org_acme")}, mended=None)
def a_second_organization_of_the_same_id(test):
    acme = next(d for d in test.application.documents("organizations") if d["_id"] == "org_acme")
    test.application.put_row("organizations", {**acme, "_id": "org_twin", "slug": "twin"})


@plant(lambda t: {("tenants", "duplicate", "prof_bea")}, mended=None)
def a_second_profile_of_the_same_id(test):
    bea = next(d for d in test.application.documents("freelancer_profiles") if d["_id"] == "prof_bea")
    test.application.put_row("freelancer_profiles", {**bea, "_id": "prof_twin"})


def items_with(test, **reference):
    return {("tenants", "misplaced", d["item_id"]) for d in test.application.documents("job_items") if reference.items() <= d.items()}


@plant(lambda t: items_with(t, org_id="org_bolt") | {("tenants", "changed_after_cutover", "org_bolt")}, mended=None, stage="cutover")
def an_organization_deleted_after_the_cutover(test):
    test.application.delete("organizations", "org_bolt")


@plant(lambda t: items_with(t, profile_id="prof_bea") | {("tenants", "changed_after_cutover", "prof_bea")}, mended=None, stage="cutover")
def a_profile_given_away_after_the_cutover(test):
    test.application.change("freelancer_profiles", "prof_bea", org_id="org_acme")


# --- sources that changed where no feed saw it


@plant(lambda t: {("digests", "extra", t.identity)})
def a_source_deleted_past_the_feed(test):
    test.without_feed()
    test.application.delete("jobs", test.victim["_id"])


@plant(lambda t: {("digests", "differing", t.identity)})
def a_source_edited_past_the_feed(test):
    test.without_feed()
    test.application.change("jobs", test.victim["_id"], title="another title")


@plant(lambda t: {("digests", "missing", item_id("job 777"))})
def a_source_added_past_the_feed(test):
    test.without_feed()
    test.application.put_row("jobs", {"_id": "job 777", "client": "Acme", "title": "Write a site", "team": "red"})


# --- journal


@plant(lambda t: {("audit", "differing", "entry 3")}, mended=None)
def an_edited_audit_entry(test):
    test.application.write("rehome_audit", lambda d: {**d, "detail": "nothing happened"}, lambda d: d["_id"] == 3)


@plant(lambda t: {("audit", "missing", "entry 3")}, mended=None)
def a_missing_audit_entry(test):
    test.application.delete("rehome_audit", test.application.documents("rehome_audit")[2]["_id"])


@plant(lambda t: {("audit", "missing", f"entry {t.last_audit}")}, mended=None)
def the_last_audit_entry_cut_off(test):
    last = test.application.documents("rehome_audit")[-1]["_id"]
    test.last_audit = last
    test.application.delete("rehome_audit", last)


@plant(lambda t: {("backup", "differing", "manifest.json")}, mended=None)
def another_backup_in_the_place_of_the_runs(test):
    application = test.application
    backup = pathlib.Path(application.dir, application.json("backup", "list")["backups"][0])
    application.run("backup", "create", "--dir", "elsewhere")
    for path in sorted(backup.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    backup.rmdir()
    next((application.dir / "elsewhere").glob("2*")).rename(backup)


# --- the run's backup


@plant(lambda t: {("backup", "differing", "documents/jobs.json")}, mended=None)
def a_flipped_bit_in_the_backup(test):
    test.edit_backup("documents/jobs.json", lambda b: b[:100] + bytes([b[100] ^ 0x10]) + b[101:])


@plant(lambda t: {("backup", "differing", "vectors/vectors_letters.jsonl")}, mended=None)
def a_truncated_file_in_the_backup(test):
    test.edit_backup("vectors/vectors_letters.jsonl", lambda b: b[:-1])


@plant(lambda t: {("backup", "missing", "documents/letters.json")}, mended=None)
def a_missing_file_in_the_backup(test):
    test.edit_backup("documents/letters.json", lambda b: None)


@plant(lambda t: {("backup", "differing", "manifest.json")}, mended=None)
def an_edited_manifest(test):
    test.edit_backup("manifest.json", lambda b: json.dumps({**json.loads(b), "created_at": "2020-01-01T00:00:00.000Z"}).encode())


# --- after the cutover


@plant(lambda t: {("pointers", "differing", ".env")}, mended=None, stage="cutover")
def a_pointer_edited_after_the_cutover(test):
    env_file = test.application.env_file
    env_file.write_text(env_file.read_text().replace("jobs_acme", "letters"))


@plant(lambda t: {("pointers", "missing", ".env")}, mended=None, stage="cutover")
def the_file_of_the_pointers_deleted_after_the_cutover(test):
    test.application.env_file.unlink()


@plant(lambda t: {("orphans", "missing", t.identity)}, stage="cutover")
def a_vector_deleted_after_the_cutover(test):
    with test.application.index() as index:
        index.delete(test.home, [test.identity])


@plant(lambda t: {("vectors", "differing", t.identity)}, stage="cutover")
def edited_metadata_after_the_cutover(test):
    test.replant(metadata={"client": "Somebody Else"})


def add_tests(cls, name, run):
    """One test of `cls` for every plant: run(test, plant, expected, mended)."""
    for planted, (function, expected, mended, stage) in PLANTS.items():
        def test(self, function=function, expected=expected, mended=mended, stage=stage):
            self.at_stage(stage)
            function(self)
            run(self, expected(self), mended)
        test.__name__ = f"test_{planted}_{name}"
        test.__doc__ = function.__doc__
        setattr(cls, test.__name__, test)

"""The binary's mapping against a second implementation of it, on documents of every BSON type: item by item, byte by byte.

REHOME_SEED and REHOME_DOCUMENTS choose other documents; a failure prints both.
"""
import hashlib
import json
import os
import pathlib
import random
import struct
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import bson_values as b
import harness
import portfolio_mapping
from every_rule import EVERY_RULE, REFUSING
from harness import tearDownModule  # noqa: F401
from random_documents import RandomDocuments

SEED = int(os.environ.get("REHOME_SEED", "20260101"))
COUNT = int(os.environ.get("REHOME_DOCUMENTS", "1500"))


class MappingTest(harness.Case):
    def test_the_missions_plan(self):
        self.compare(harness.PLAN.read_text(), "quarantine_max: 0", "quarantine_max: 1000000")

    def test_a_plan_of_every_rule(self):
        self.compare(json.dumps(EVERY_RULE))

    def test_a_plan_that_refuses_much(self):
        reasons = self.compare(json.dumps(REFUSING))
        self.assertLessEqual({"no_tenant", "schema", "mapping_failed"}, reasons)

    def compare(self, plan_text, *replacement):
        app = self.app()
        app.plan.write_text(plan_text.replace(*replacement) if replacement else plan_text)
        plan = portfolio_mapping.plan_of(app.plan, app.env)
        (app.dir / "clients.csv").write_text(CLIENTS_CSV)
        self.mapping = portfolio_mapping.Mapping(plan, app.dir)
        self.addCleanup(self.mapping.jq.close)
        documents = self.load(app, plan)
        app.run("run", "--through", "3", "--yes", expect=(harness.DONE, harness.QUARANTINED))
        return self.judge(app, plan, documents)

    def load(self, app, plan):
        maker = RandomDocuments(random.Random(SEED), self.mapping.paths(), self.mapping.vocabulary())
        documents = maker.documents(COUNT).values()
        directory = app.dir / "export/documents"
        directory.mkdir(parents=True)
        (directory / f"{plan['items']['from']}.json").write_text("".join(b.line(one) + "\n" for one in documents), encoding="utf-8")
        app.run("load", "--from", "export", "--yes")
        stored = {b.encode(one) for one in documents}
        self.assertEqual(stored ^ set(app.raw(plan["items"]["from"])), set(), "load changed documents")
        return self.break_some(app, plan["items"]["from"], documents)

    def break_some(self, app, collection, documents):
        """What no export carries and a store still may hold: texts that are no UTF-8. The documents as they stand then."""
        chance = random.Random(SEED)
        broken = {}
        for fields in documents:
            texts = [at for at, (key, value) in enumerate(fields) if key != "_id" and value.type == b.STRING]
            if texts and chance.random() < 0.02:
                at = chance.choice(texts)
                key, value = fields[at]
                text = value.text
                cut = chance.randrange(len(text) + 1)
                changed = (*fields[:at], (key, b.string(text[:cut] + chance.choice(["\udcff", "\udcc3", "\udce2\udc82"]) + text[cut:])), *fields[at + 1:])
                broken[b.encode(fields)] = changed
        with app.sqlite(write=True) as db:
            for key, raw in db.execute(f'SELECT key, document FROM "{collection}"').fetchall():
                if bytes(raw) in broken:
                    db.execute(f'UPDATE "{collection}" SET document = ? WHERE key = ?', (b.encode(broken[bytes(raw)]), key))
        return [broken.get(b.encode(fields), fields) for fields in documents]

    def judge(self, app, plan, documents):
        """The reasons that quarantine gives."""
        items = {fields[0][1]: raw for raw in app.raw(plan["items"]["to"]) for fields in [b.decode(raw)]}
        quarantined = {}
        for raw in app.raw("rehome_quarantine"):
            record = dict(b.decode(raw))
            quarantined[record["source_id"]] = (record["reason"].text, record["detail"].text)
        reasons = {reason for reason, _ in quarantined.values()}
        vectors = {}
        for namespace in app.namespaces():
            vectors.update({(namespace, key): one for key, one in app.vectors(namespace).items()})
        problems = []
        for fields in documents:
            problems += [f"{line}\n    of {b.line(fields)}" for line in self.differences(fields, items, quarantined, vectors)]
        left = [*items.values(), *quarantined.items(), *vectors]
        problems += [f"nobody's: {one}" for one in left]
        if problems:
            some = "\n".join(problems[:int(os.environ.get("REHOME_SHOWN", "10"))])
            self.fail(f"{len(problems)} differences with REHOME_SEED={SEED} REHOME_DOCUMENTS={COUNT}; the first:\n{some}")
        return reasons

    def differences(self, fields, items, quarantined, vectors):
        """What is found is taken out of its dict."""
        source_id = dict(fields)["_id"]
        found, why = items.pop(source_id, None), quarantined.pop(source_id, None)
        try:
            wanted = self.mapping.map(fields)
        except portfolio_mapping.Unmappable as unmappable:
            if why is None or why[0] != unmappable.reason or found is not None:
                yield f"expected quarantine {unmappable}, found {why} {found and show(b.decode(found))}"
            return
        if found is None or why is not None:
            yield f"expected an item, found {found} and quarantine {why}"
            return
        yield from self.item_differences(wanted, found)
        yield from self.vector_differences(wanted, vectors.pop((wanted.namespace, wanted.item_id), None))

    def item_differences(self, wanted, found):
        marked = [(key, {"is_embedded": b.boolean(True), "embedding_id": b.string(wanted.item_id)}.get(key, value)) for key, value in wanted.fields]
        if b.encode(marked) == found:
            return
        stored = dict(b.decode(found))
        for key, value in marked:
            if stored.get(key) != value:
                yield f"{key}: expected {b.extended(value)}, found {stored.get(key) and b.extended(stored[key])}"
        if list(stored) != [key for key, _ in marked]:
            yield f"fields {list(stored)}"

    def vector_differences(self, wanted, found):
        if found is None:
            yield "no vector"
            return
        metadata = dict(found["metadata"])
        stamps = {key: metadata.pop(key, None) for key in ("rehome_contract", "rehome_text", "rehome_values")}
        for key in sorted({*metadata, *wanted.metadata}):
            if metadata.get(key) != wanted.metadata.get(key):
                yield f"metadata {key}: expected {wanted.metadata.get(key)!r}, found {metadata.get(key)!r}"
        if stamps["rehome_text"] != hashlib.md5(wanted.text.encode()).hexdigest():
            yield f"text: expected {wanted.text!r}"
        values = b"".join(struct.pack("<f", one) for one in found["values"])
        if stamps["rehome_values"] != hashlib.md5(values).hexdigest():
            yield "rehome_values is not the values' digest"


def show(fields):
    return {key: b.extended(value) for key, value in fields}


CLIENTS_CSV = "key,org_id,profile_id\nBolt Ltd,org_bolt,prof_bea\n\"Nuts, Inc.\",org_bolt,prof_bob\n"


if __name__ == "__main__":
    unittest.main()

"""The published schema of a plan, judged by PyPI's jsonschema and PyYAML.

Every shipped plan is valid as it stands and with its variables substituted, so is the shape that the design gives; a
plan with one mistake is not. The names of the keys are compared with the reader's own by src/plan/keys_test.cc.
"""

import copy
import json
import pathlib
import re
import sys
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schema" / "plan.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# Every key that the plan file has, once.
WHOLE_PLAN = """
rehome: 1
name: portfolio
documents: { source: "${MONGODB_URI:-sqlite:a.db}", target: { address: { file: uri.txt } } }
vectors: { source: "https://old.example", target: { address: local:new, api_key: { file: key.txt } }, api_key: "${KEY}" }
backup: { dir: backups, collections: [training_data, chunks, embeddings, proposals], namespaces: [proposals] }
tenants:
  collections: { organizations: organizations, profiles: freelancer_profiles }
  organizations: [{ org_id: org_default, name: Default Organization, slug: default-org, plan_tier: pro }]
  profiles: [{ profile_id: prof_default, org_id: org_default, name: Default Freelancer }]
  assign:
    - { match: { field: client, equals: { $oid: 5f43a1e8c0ffee0000000001 } }, org_id: org_default, profile_id: prof_default }
    - { lookup: { field: client, file: map.csv } }
    - { lookup: { field: client, rows: { acme: { org_id: org_default, profile_id: prof_default } } } }
    - { default: { org_id: org_default, profile_id: prof_default } }
items:
  from: training_data
  to: portfolio_items
  id: "port_{_id}"
  fields:
    company_name: { first_non_empty: [company_name, job_title] }
    deliverables: { extract: deliverables, from: [job_title, task_type] }
    skills: { from: skills_required, take: 10 }
    title: job_title
    kind: { value: portfolio }
    score: { jq: ".score // 0" }
    industry: { first_non_empty: [industry, { extract: industry, from: [job_title] }] }
  extractors:
    deliverables: { noise_prefixes: [Need a], separators: [","], cap: "${CAP:-5}" }
    industry: { dictionary: { Health: [patient] }, fallback: General }
  drop: [outcome, client_feedback, duration_days]
  schema: { bsonType: object }
  quarantine_max: 0
stamp: { proposals: { org_id: org_default } }
index:
  namespace: "portfolio_{org.slug}"
  metric: cosine
  embedder: { provider: openai, model: m, url: "https://api.example/v1", dimensions: 1536, api_key: "${OPENAI_API_KEY}" }
  text: "{company_name}: {deliverables}."
  metadata: [org_id, profile_id, item_id, company_name]
verify:
  probes: { from: proposals, field: job, top_k: 5 }
  recall_min: 0.95
  reembed: 20
  proposals: { generator: chat, url: "http://h/v1", model: m, api_key: "${OPENAI_API_KEY:-}" }
  legacy_embedder: { provider: hashing, dimensions: "${D:-384}" }
  legacy_trail: [{ from: embeddings, where: vector_id, take: chunk_id }, { from: chunks, where: chunk_id, take: training_data_id }]
cutover:
  env_file: { path: .env, set: { PINECONE_NAMESPACE: "portfolio_default-org" } }
  documents: [{ collection: settings, id: app, set: { namespace: portfolio_default-org } }]
  namespace_alias: { live: portfolio_default-org }
  fence: auto
  write_pause_max: 10s
  quiet: 500ms
  hooks: { fence: [[systemctl, stop, app]], unfence: [[systemctl, start, app]], before: [], after: [] }
retire: { after: 24h, collections: [training_data, chunks, embeddings], namespaces: [proposals] }
application: { maintenance: { url: "http://app/health" } }
log: { file: /var/log/rehome.jsonl }
limits: { workers: auto, documents_per_s: 100, vectors_per_s: 0.5, embed_tokens_per_min: 0, embed_in_flight: 2000, spend_max_usd: 5 }
"""

# One mistake each: where, and what stands there.
MISTAKES = {
    "an unknown key": ("itmes", {}),
    "an unknown key inside": ("index.embeder", {}),
    "a list for a map": ("tenants", []),
    "another version": ("rehome", 2),
    "a literal key": ("index.embedder.api_key", "sk-123456"),
    "a literal default of a key": ("index.embedder.api_key", "${KEY:-sk-123456}"),
    "a number for text": ("items.from", 5),
    "text for a number": ("index.embedder.dimensions", "many"),
    "no dimension": ("index.embedder.dimensions", 0),
    "an unknown provider": ("index.embedder.provider", "magic"),
    "an id without {_id}": ("items.id", "port_1"),
    "a reserved field": ("items.fields.item_id", "x"),
    "two kinds of rule": ("items.fields.skills", {"jq": ".", "value": 1}),
    "from with several paths": ("items.fields.skills", {"from": ["a", "b"]}),
    "a rule without a kind": ("items.fields.skills", {"take": 3}),
    "extract without from": ("items.fields.skills", {"extract": "industry"}),
    "a duration without unit": ("cutover.quiet", 5),
    "a fence that is none": ("cutover.fence", "maybe"),
    "a hook as one string": ("cutover.hooks.before", ["systemctl stop app"]),
    "fence without unfence": ("cutover.hooks", {"fence": [["x"]]}),
    "two kinds of maintenance": ("application.maintenance", {"file": "a", "url": "http://b"}),
    "a collection of the journal": ("items.to", "rehome_items"),
    "no organization": ("tenants.organizations", []),
    "an organization without slug": ("tenants.organizations", [{"org_id": "a"}]),
    "a rule that is none": ("tenants.assign", [{"otherwise": {}}]),
    "a look-up without rows": ("tenants.assign", [{"lookup": {"field": "a"}}]),
    "a recall over one": ("verify.recall_min", 1.5),
}


def substituted(text: str) -> str:
    """The plan with every variable's default, as an environment without any of them gives it."""
    return re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found.group(1) or "", text)


def with_value(plan: dict, path: str, value) -> dict:
    changed = copy.deepcopy(plan)
    *parents, last = path.split(".")
    node = changed
    for key in parents:
        node = node[key]
    node[last] = value
    return changed


class PlanSchemaTest(unittest.TestCase):
    def assert_valid(self, plan):
        self.assertEqual([error.message for error in VALIDATOR.iter_errors(plan)], [])

    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_shipped_plans_are_valid(self):
        plans = sorted((ROOT / "plans").glob("*.yaml"))
        self.assertGreaterEqual(len(plans), 2)
        for path in plans:
            with self.subTest(path.name):
                text = path.read_text(encoding="utf-8")
                self.assert_valid(yaml.safe_load(text))
                self.assert_valid(yaml.safe_load(substituted(text)))

    def test_every_key_at_once_is_valid(self):
        self.assert_valid(yaml.safe_load(WHOLE_PLAN))

    def test_mistakes_are_refused(self):
        plan = yaml.safe_load(WHOLE_PLAN)
        for name, (path, value) in MISTAKES.items():
            with self.subTest(name):
                self.assertFalse(VALIDATOR.is_valid(with_value(plan, path, value)))

    def test_a_missing_part_is_refused(self):
        plan = yaml.safe_load(WHOLE_PLAN)
        for key in ("rehome", "name", "documents", "vectors", "tenants", "items", "index"):
            with self.subTest(key):
                self.assertFalse(VALIDATOR.is_valid({k: v for k, v in plan.items() if k != key}))


if __name__ == "__main__":
    sys.exit(unittest.main())

"""Plans of the tests' own. EVERY_RULE has every kind of rule, without a schema, so that values of every type reach items, texts and metadata.
REFUSING has rules and a schema that many documents break.
"""
import copy

EVERY_RULE = {
    "rehome": 1,
    "name": "every-rule",
    "documents": "sqlite:app.db",
    "vectors": "local:vectors",
    "backup": {"dir": "backups"},
    "tenants": {
        "organizations": [{"org_id": "org_acme", "slug": "acme"}, {"org_id": "org_bolt", "slug": "bolt"}, {"org_id": "org_cord", "slug": "cord"}],
        "profiles": [
            {"profile_id": "prof_ann", "org_id": "org_acme"},
            {"profile_id": "prof_bea", "org_id": "org_bolt"},
            {"profile_id": "prof_bob", "org_id": "org_bolt"},
            {"profile_id": "prof_cleo", "org_id": "org_cord"},
        ],
        "assign": [
            {"match": {"field": "team", "equals": "red"}, "org_id": "org_acme", "profile_id": "prof_ann"},
            {"match": {"field": "team", "equals": 5}, "org_id": "org_acme", "profile_id": "prof_ann"},
            {"match": {"field": "team", "equals": True}, "org_id": "org_bolt", "profile_id": "prof_bea"},
            {"match": {"field": "where.list[1]", "equals": {"$numberDecimal": "5.0"}}, "org_id": "org_bolt", "profile_id": "prof_bob"},
            {"lookup": {"field": "client", "file": "clients.csv"}},
            {"lookup": {"field": "where.code", "rows": {"Acme": {"org_id": "org_acme", "profile_id": "prof_ann"}, "5": {"org_id": "org_cord", "profile_id": "prof_cleo"}}}},
            {"match": {"field": "title", "equals": ""}, "org_id": "org_acme", "profile_id": "prof_ann"},
            {"default": {"org_id": "org_cord", "profile_id": "prof_cleo"}},
        ],
    },
    "items": {
        "from": "jobs",
        "to": "job_items",
        "id": "job-{_id}-x",
        "fields": {
            "client": "client",
            "title": {"first_non_empty": ["title", "client", {"value": "untitled"}]},
            "topics": {"from": "topics", "take": 3},
            "all_topics": "topics",
            "second": "where.list[1]",
            "code": {"from": "where.code"},
            "dotted": '["a.b"].c',
            "phrases": {"extract": "phrases", "from": ["title", "topics"]},
            "short": {"extract": "short", "from": "title"},
            "trade": {"extract": "trade", "from": ["title", "client", "topics"]},
            "shifted": {"jq": "{client, n: (.topics | length? // 0)}"},
            "picked": {"first_non_empty": [{"from": "topics", "take": 2}, {"jq": ".client"}, "where.code"]},
            "constant": {"value": {"list": [1, "two", 3.5, None, True], "long": 5000000000}},
            "words": {"value": ["a", "b"]},
        },
        "extractors": {
            "phrases": {"noise_prefixes": ["Need a", "Need", "Looking for"], "separators": [" - ", ",", " & "], "cap": 4},
            "short": {"noise_prefixes": [], "separators": [], "cap": 1},
            "trade": {"dictionary": {"Shops": ["shop", "e-commerce", "shop floor"], "Schools": ["school", "course", "é"], "None": []}, "fallback": "Other"},
        },
        "drop": ["extra"],
        "quarantine_max": 1000000,
    },
    "index": {
        "namespace": "jobs_{org.slug}",
        "embedder": {"provider": "hashing", "dimensions": 16},
        "text": "{client}|{title}|{topics}|{all_topics}|{second}|{code}|{dotted}|{phrases}|{trade}|{shifted}|{constant}|{item_id} {org_id}",
        "metadata": ["org_id", "item_id", "client", "title", "topics", "all_topics", "second", "code", "dotted", "phrases", "trade", "constant", "words"],
    },
    "cutover": {"env_file": {"path": ".env", "set": {"NAMESPACE": "jobs_acme"}}},
}

REFUSING = copy.deepcopy(EVERY_RULE)
REFUSING["name"] = "refusing"
del REFUSING["tenants"]["assign"][-1]  # the default
REFUSING["tenants"]["assign"].append({"match": {"field": "team", "equals": ""}, "org_id": "org_cord", "profile_id": "prof_cleo"})
REFUSING["tenants"]["assign"].append({"match": {"field": "client", "equals": ""}, "org_id": "org_cord", "profile_id": "prof_cleo"})
REFUSING["items"]["fields"]["shifted"] = {"jq": ".topics[0], (.where | objects | .list)"}  # fails on text, gives one or two results
REFUSING["items"]["schema"] = {
    "required": ["client", "title", "code"],
    "properties": {
        "title": {"bsonType": ["string", "array"], "minLength": 2, "maxLength": 40, "pattern": "[a-zA-Z]"},
        "topics": {"maxItems": 2, "items": {"bsonType": ["string", "object"]}},
        "all_topics": {"bsonType": ["array", "string", "null", "number"], "minItems": 1, "uniqueItems": True},
        "code": {"bsonType": ["string", "null", "object", "date", "long"], "additionalProperties": False, "properties": {"a": {}}},
    },
}

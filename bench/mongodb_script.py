#!/usr/bin/env python3
"""What does phase 2 cost this machine, against the script a user would write today on the same server?

    MONGODB_URI=mongodb://…/DATABASE build/peers/python/bin/python bench/mongodb_script.py [--build build/release] [--count 50000]

Needs pymongo (the peer `python`). The script reads, maps the six fields of bench/engine.h and inserts by majority, without a
journal, a digest or a way back. The database is written to and emptied of what the benchmark made. Prints documents a second,
client CPU seconds and the ratios asked for; exit 1 if one is missed.
"""
import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import time

import bson
import pymongo

BATCH = 1000
ASKED = 0.6  # of the script's client CPU seconds, at most
WORDS = ("react dashboard payments migration mobile backend design search reports shop booking analytics cloud secure realtime "
         "legacy").split()
OPENING = re.compile(r"^(?:we are looking for|looking for|we need|i need|need|seeking|hiring|wanted:?|help with)\s+(?:an?\s+)?", re.I)
BETWEEN = re.compile(r"\s*(?:,|;|\||\s/\s|\s-\s)\s*")
INDUSTRY = re.compile(r"\b(health\w*|financ\w*|bank\w*|retail|shop|education|travel|booking|real estate|payments|legal)\b", re.I)


def words(chance, count):
    return " ".join(chance.choice(WORDS) for _ in range(count))


def job(number):
    """As JobDocument() of bench/workload.h: 13 fields, about 1 KB."""
    chance = random.Random(number)
    return {"_id": bson.ObjectId(b"\x65\0\0\0" + number.to_bytes(8, "big")), "job_title": words(chance, 6),
            "company_name": f"Company {number % 997}", "task_type": words(chance, 2),
            "skills_required": [words(chance, 1) for _ in range(5)], "industry": words(chance, 1),
            "duration_days": chance.randrange(90), "rating": chance.random() * 5, "featured": chance.random() < 0.5,
            "created_at": bson.datetime_ms.DatetimeMS(1_700_000_000_000 + number), "client_feedback": None,
            "status": "completed", "job_description": ". ".join(words(chance, 8) for _ in range(10))}


def item(document):
    title = document.get("job_title") or ""
    company = document.get("company_name") or title
    asked_for = [part for text in (title, document.get("task_type") or "") for part in BETWEEN.split(OPENING.sub("", text)) if part]
    named = INDUSTRY.search(f"{title} {company}")
    urls = document.get("portfolio_urls") or []
    return {"_id": document["_id"], "item_id": f"port_{document['_id']}", "org_id": "org", "profile_id": "prof",
            "company_name": company, "deliverables": list(dict.fromkeys(asked_for)),
            "skills": (document.get("skills_required") or [])[:10], "portfolio_url": urls[0] if urls else None,
            "industry": document.get("industry") or (named.group(0) if named else None), "budget": document.get("budget"),
            "is_embedded": False}


def insert_all(collection, documents):
    batch = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            collection.insert_many(batch, ordered=False)
            batch = []
    if batch:
        collection.insert_many(batch, ordered=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[1] / "build/release")
    parser.add_argument("--count", type=int, default=50_000)
    options = parser.parse_args()
    uri = os.environ.get("MONGODB_URI") or sys.exit("MONGODB_URI names no server: mongodb://HOST/DATABASE")
    database = pymongo.MongoClient(uri, w="majority").get_default_database()
    for name in ("jobs", "script_items"):
        database.drop_collection(name)
    insert_all(database.jobs, (job(number) for number in range(options.count)))
    cpu, start = time.process_time(), time.perf_counter()
    insert_all(database.script_items, (item(document) for document in database.jobs.find(batch_size=BATCH)))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    for name in ("jobs", "script_items"):
        database.drop_collection(name)
    print(f"pymongo script        {options.count / seconds:9.0f} documents/s   {cpu:.2f} s of CPU", flush=True)
    ours = subprocess.run([options.build / "bench/mongodb_copy", str(options.count)], stdout=subprocess.PIPE, text=True, check=True).stdout
    print(ours, end="")
    missed = False
    for workers, spent in re.findall(r"^phase 2, (\d) .*?([\d.]+) s of CPU", ours, re.M):
        ratio = float(spent) / cpu
        missed |= ratio > ASKED
        print(f"CPU of phase 2 with {workers}, against the script's: {ratio:.2f} (asked: at most {ASKED})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

// The stores, what is in them that the plan names, and whether it can be carried.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "mapping/text.h"
#include "model/fields.h"
#include "phases/forecast_time.h"
#include "phases/preflight_look.h"

namespace rehome {
namespace {

/// "store sqlite, version 3.40.1, topology embedded".
std::string InWords(const Document& description) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : description.view()) {
    parts.push_back(fmt::format("{} {}", key, AsText(value)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string InWords(const IndexInfo& index) {
  std::uint64_t vectors = 0;
  for (const auto& [name, count] : index.namespaces) {
    vectors += count;
  }
  const std::string type = index.vector_type.empty() ? "dense" : index.vector_type;
  std::string dimension = fmt::format("dimension {}", index.dimension);
  if (index.dimension == 0) {
    dimension = type == "sparse" ? "no dimension" : "dimension not fixed yet";
  }
  return fmt::format("{}: {}, {}, {}, {} vectors in {} namespaces", index.identity, type, dimension,
                     index.metric, vectors, index.namespaces.size());
}

void ReachDocuments(Look& look, const std::string& check, DocumentStore& store, unsigned bits,
                    std::vector<CollectionInfo>& collections) {
  const auto description = store.Describe(look.call);
  if (!description) {
    return look.Failed(check, description.error());
  }
  auto found = store.Collections(look.call);
  if (!found) {
    return look.Failed(check, found.error());
  }
  collections = *std::move(found);
  look.reached |= bits;
  if (const auto hours = description->Find("oplog_hours");
      hours && (bits & kSourceDocuments) != 0) {
    look.oplog_hours = hours->AsDouble();
  }
  look.Ok(check, fmt::format("{}: {}", store.Identity(), InWords(*description)));
}

void ReachVectors(Look& look, const std::string& check, VectorStore& store, unsigned bits,
                  IndexInfo& index) {
  auto found = store.Describe(look.call);
  if (!found) {
    return look.Failed(check, found.error());
  }
  index = *std::move(found);
  look.reached |= bits;
  look.Ok(check, InWords(index));
}

const CollectionInfo* Find(const std::vector<CollectionInfo>& collections, std::string_view name) {
  const auto found = std::ranges::find(collections, name, &CollectionInfo::name);
  return found == collections.end() ? nullptr : &*found;
}

/// The legacy collections that the plan names.
std::set<std::string> LegacyCollections(const Plan& plan) {
  std::set<std::string> out{plan.items.from};
  out.insert(plan.backup.collections.begin(), plan.backup.collections.end());
  out.insert(plan.retire.collections.begin(), plan.retire.collections.end());
  if (plan.verify.probes) {
    out.insert(plan.verify.probes->from);
  }
  for (const StampPlan& stamp : plan.stamps) {
    out.insert(stamp.collection);
  }
  return out;
}

/// A kind of collection that does not behave as the engine relies on.
struct Peculiarity {
  std::string_view option;  // of MongoDB's collection options
  bool refused;
  std::string_view what;
  std::string_view hint;
};
constexpr std::array kPeculiarities{
    Peculiarity{"viewOn", true,
                "is a view: it has no documents of its own to back up, fence or retire",
                "name the collection beneath it in the plan"},
    Peculiarity{"timeseries", true,
                "is a time-series collection: it has no order by _id and takes no fence",
                "export it and load it into a plain collection, or take it out of the plan"},
    Peculiarity{"capped", false,
                "is capped: a restore keeps the option, and a full one pushes its oldest documents "
                "out",
                "convert it to a plain collection first if every document matters"},
    Peculiarity{"collation", false,
                "has a default collation: its strings compare by it there, byte by byte here",
                "look for _ids and unique keys that differ in case or accents only"},
};

bool IsSet(const CollectionInfo& collection, std::string_view option) {
  const auto value = collection.options.Find(option);
  if (!value || value->IsNull() || (value->type() == BsonType::kBool && !value->AsBool())) {
    return false;
  }
  return value->type() != BsonType::kDocument ||
         StringField(value->AsDocument(), "locale") != "simple";
}

/// False: a kind that is refused; a server may not even count it.
bool LookAtPeculiarities(Look& look, const CollectionInfo& collection) {
  const std::string check = "collection " + collection.name;
  for (const Peculiarity& one : kPeculiarities) {
    if (!IsSet(collection, one.option)) {
      continue;
    }
    if (one.refused) {
      look.Error(check, std::string(one.what), std::string(one.hint));
      return false;
    }
    look.Warn(check, std::string(one.what), std::string(one.hint));
  }
  for (const Document& index : collection.indexes) {
    if (index.Find("expireAfterSeconds")) {
      look.Warn(check,
                fmt::format("index {} expires documents (TTL): what expires while the run goes on "
                            "is carried as a delete",
                            StringField(index.view(), "name")),
                "drop the index until after cutover if nothing may expire meanwhile");
    }
  }
  return true;
}

Status LookAtSource(Look& look) {
  const std::string check = "source " + look.plan.items.from;
  if (look.IsRetired()) {
    look.Ok(check, "retired");
    return {};
  }
  if (Find(look.source_collections, look.plan.items.from) == nullptr) {
    look.Error(
        check, fmt::format("{} has no such collection", look.plan.documents.source.address),
        "correct items.from or documents in the plan, or load an export: `rehome load --from DIR`");
    return {};
  }
  REHOME_TRY_ASSIGN(const std::uint64_t count,
                    look.deps.stores.source_documents->Count(look.plan.items.from, look.call));
  if (count == 0) {
    look.Warn(check, "is empty: there is nothing to move",
              "load an export with `rehome load --from DIR`, or correct items.from");
  } else {
    look.Ok(check, fmt::format("{} documents", count));
  }
  return {};
}

}  // namespace

Status LookAtStores(Look& look) {
  const Stores& stores = look.deps.stores;
  if (look.plan.documents.same()) {
    ReachDocuments(look, "documents", *stores.source_documents, kSourceDocuments | kTargetDocuments,
                   look.source_collections);
    look.target_collections = look.source_collections;
  } else {
    ReachDocuments(look, "documents source", *stores.source_documents, kSourceDocuments,
                   look.source_collections);
    ReachDocuments(look, "documents target", *stores.target_documents, kTargetDocuments,
                   look.target_collections);
  }
  if (look.plan.vectors.same()) {
    ReachVectors(look, "vectors", *stores.target_vectors, kSourceVectors | kTargetVectors,
                 look.target_index);
    look.source_index = look.target_index;
  } else {
    ReachVectors(look, "vectors source", *stores.source_vectors, kSourceVectors, look.source_index);
    ReachVectors(look, "vectors target", *stores.target_vectors, kTargetVectors, look.target_index);
  }
  return {};
}

Status LookAtCollections(Look& look) {
  bool readable = true;
  for (const std::string& name : LegacyCollections(look.plan)) {
    const CollectionInfo* collection = Find(look.source_collections, name);
    readable = (collection == nullptr || LookAtPeculiarities(look, *collection)) && readable;
  }
  if (!readable) {  // what else there is to find of them needs to read them
    look.reached &= ~static_cast<unsigned>(kSourceDocuments);
    return {};
  }
  REHOME_TRY(LookAtSource(look));
  std::vector<std::string> absent;
  std::vector<std::string> counted;
  for (const std::string& name : LegacyCollections(look.plan)) {
    const CollectionInfo* collection = Find(look.source_collections, name);
    if (collection == nullptr) {
      absent.push_back(name);
      continue;
    }
    REHOME_TRY_ASSIGN(const std::uint64_t count,
                      look.deps.stores.source_documents->Count(name, look.call));
    counted.push_back(fmt::format("{} {}", name, count));
  }
  look.Ok("legacy collections",
          counted.empty() ? "none" : fmt::format("{}", fmt::join(counted, ", ")));
  std::erase(absent, look.plan.items.from);
  if (!absent.empty() && !look.IsRetired()) {
    look.Warn("legacy collections",
              fmt::format("the plan names what is not there: {}; its backup is an empty file",
                          fmt::join(absent, ", ")),
              "correct the names in the plan, or take them out");
  }
  const TenantsPlan& tenants = look.plan.tenants;
  for (const std::string& name :
       {look.plan.items.to, tenants.organizations_collection, tenants.profiles_collection}) {
    if (const CollectionInfo* collection = Find(look.target_collections, name)) {
      LookAtPeculiarities(look, *collection);
    }
  }
  return {};
}

/// The feed is not read while phases 2 and 3 run: what the application writes meanwhile must still
/// be in the oplog when they are done.
Status LookAtOplog(Look& look) {
  const std::string available = "available: `run --online` follows the application's writes";
  if (!look.oplog_hours) {
    look.Ok("change feed", available);
    return {};
  }
  constexpr double kSecondsOfHour = 3600;
  constexpr double kMargin = 2;
  constexpr double kResolution = 0.1;  // of the hours; a young oplog holds hardly any
  REHOME_TRY_ASSIGN(const std::uint64_t documents,
                    look.deps.stores.source_documents->Count(look.plan.items.from, look.call));
  const double needed = LeastSeconds(look.plan, documents) / kSecondsOfHour;
  const std::string holds =
      fmt::format("{}; the oplog holds {:.1f} h of writes", available, *look.oplog_hours);
  if (*look.oplog_hours + kResolution < kMargin * needed) {
    look.Warn(
        "change feed",
        fmt::format("{}, and phases 2 and 3, during which the feed is not read, take {:.1f} h "
                    "or more",
                    holds, needed),
        "enlarge the oplog (replSetResizeOplog) unless it is not full yet; `rehome plan` "
        "predicts each phase's time. Where it did not suffice, `rehome run --online --sweep` "
        "compares both sides");
    return {};
  }
  look.Ok("change feed",
          holds + "; it must outlast phases 2 and 3, whose time `rehome plan` predicts");
  return {};
}

Status LookAtFeed(Look& look) {
  std::vector<std::string> watched{look.plan.items.from};
  for (const StampPlan& stamp : look.plan.stamps) {
    watched.push_back(stamp.collection);
  }
  const auto feed = look.deps.stores.source_documents->OpenFeed(watched, look.call);
  if (feed) {
    return LookAtOplog(look);
  }
  if (feed.error().code != ErrorCode::kFailedPrecondition) {
    return std::unexpected(feed.error());
  }
  look.Warn(
      "change feed",
      fmt::format(
          "none ({}): `run --online` finds changes by comparing both sides, which takes longer",
          feed.error().message),
      "a replica set has one; a single server can be made a replica set of one member");
  return {};
}

Status LookAtIndex(Look& look) {
  const IndexInfo& index = look.target_index;
  const int wanted = look.deps.stores.embedder->Dimension();
  const std::string embedder = fmt::format("{} {}", look.deps.stores.embedder->Provider(),
                                           look.deps.stores.embedder->Model());
  if (!index.vector_type.empty() && index.vector_type != "dense") {
    look.Error("index kind",
               fmt::format("the index is {}; embeddings are dense vectors", index.vector_type),
               "create a dense index and name it in the plan's vectors");
    return {};
  }
  if (index.dimension != 0 && index.dimension != wanted) {
    look.Error(
        "index dimension",
        fmt::format("the index has {} dimensions, the embedder {} gives {}", index.dimension,
                    embedder, wanted),
        fmt::format(
            "set index.embedder.dimensions to {}, or name an index of {} in the plan's vectors: "
            "{{ source: …, target: … }}",
            index.dimension, wanted));
  } else {
    look.Ok("index dimension", index.dimension == 0
                                   ? fmt::format("not fixed yet; becomes {} ({})", wanted, embedder)
                                   : fmt::format("{}, as {} gives", wanted, embedder));
  }
  if (!index.metric.empty() && index.metric != look.plan.index.metric) {
    look.Error("index metric",
               fmt::format("the index compares by {}, the plan says {}", index.metric,
                           look.plan.index.metric),
               "set index.metric to the index's, or create another index");
  } else {
    look.Ok("index metric", look.plan.index.metric);
  }
  return {};
}

Status LookAtLegacyNamespaces(Look& look) {
  std::set<std::string> names(look.plan.backup.namespaces.begin(),
                              look.plan.backup.namespaces.end());
  names.insert(look.plan.retire.namespaces.begin(), look.plan.retire.namespaces.end());
  for (const std::string& name : names) {
    const auto found = look.source_index.namespaces.find(name);
    if (found != look.source_index.namespaces.end()) {
      look.Ok("namespace " + name, fmt::format("{} legacy vectors", found->second));
    } else if (look.IsRetired()) {
      look.Ok("namespace " + name, "retired");
    } else {
      look.Warn("namespace " + name, "holds no vectors",
                "correct backup.namespaces and retire.namespaces, or load them: `rehome load "
                "--from DIR`");
    }
  }
  for (const std::string_view unnamed : {"", "__default__"}) {
    if (const auto found = look.source_index.namespaces.find(std::string(unnamed));
        found != look.source_index.namespaces.end() && found->second > 0) {
      look.Ok("default namespace",
              fmt::format("{} vectors belong to no tenant: left as they are", found->second));
    }
  }
  return {};
}

}  // namespace rehome

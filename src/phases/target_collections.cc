#include "phases/target_collections.h"

#include <algorithm>

#include "flow/target_shape.h"

namespace rehome {

Status CreateTargetCollection(Session& session, const std::string& collection,
                              const Document& options) {
  REHOME_TRY_ASSIGN(const auto collections, session.target().Collections(session.call()));
  if (std::ranges::find(collections, collection, &CollectionInfo::name) != collections.end()) {
    return {};
  }
  auto& created = session.run().created_collections;
  if (std::ranges::find(created, collection) == created.end()) {
    created.push_back(collection);
    REHOME_TRY(session.Save());
  }
  return session.target().CreateCollection(collection, options, session.call());
}

Status EnsureIndexes(Session& session, const std::string& collection) {
  for (const TargetIndex& index : TargetIndexes(session.plan())) {
    if (index.collection == collection) {
      REHOME_TRY(session.target().EnsureIndex(collection, index.spec, session.call()));
    }
  }
  return {};
}

Status DropIfOursAndEmpty(Session& session, const std::string& collection) {
  auto& created = session.run().created_collections;
  if (std::ranges::find(created, collection) == created.end()) {
    return {};
  }
  REHOME_TRY_ASSIGN(const std::uint64_t count, session.target().Count(collection, session.call()));
  if (count > 0) {
    return {};
  }
  REHOME_TRY(session.target().DropCollection(collection, session.call()));
  std::erase(created, collection);
  return session.Save();
}

}  // namespace rehome

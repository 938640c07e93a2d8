#pragma once
// mongodb_document_store.h — documents in MongoDB: a standalone server, a replica set, a sharded
// cluster, or what speaks its protocol. What the server can do is asked from it, never assumed.
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "ports/document_store.h"

namespace rehome {

class MongodbDocumentStore {
 public:
  /// `uri`: mongodb:// or mongodb+srv:// with a database in its path. Reaches nothing yet.
  /// kInvalidArgument: no such address; it is never repeated, since it may hold a password. `clock`
  /// must outlive the store, its cursors and feeds.
  [[nodiscard]] static Result<std::unique_ptr<DocumentStore>> Open(const Secret& uri, Clock& clock);
  /// The driver publishes counters in shared memory, for a tool of its own, from before main() on. A
  /// killed process would leave the file, and a later one of its number a warning on stderr.
  static void UnpublishCounters();
};

}  // namespace rehome

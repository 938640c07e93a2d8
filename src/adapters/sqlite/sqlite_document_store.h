#pragma once
// sqlite_document_store.h — the embedded document store: one SQLite file, documents as BSON,
// MongoDB's order, equality and unique keys. Other processes may write the same file meanwhile; its
// change feed names their writes too.
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "ports/document_store.h"

namespace rehome {

/// kReadOnly leaves the file and its directory byte for byte as they are (connections.h has the way
/// and its limits); what would write is kFailedPrecondition.
enum class OpenMode : std::uint8_t { kReadOnly, kReadWrite };

class SqliteDocumentStore {
 public:
  /// A missing file is an empty store; the first write creates it (mode 0600) and its directory.
  /// Touches nothing yet: what is wrong with the file shows in the first call (kDataLoss: no SQLite
  /// database; kFailedPrecondition: not permitted, or written by a newer version). `clock` must
  /// outlive the store; cursors and feeds may outlive it.
  [[nodiscard]] static Result<std::unique_ptr<DocumentStore>> Open(
      const std::filesystem::path& file, OpenMode mode, Clock& clock);
};

}  // namespace rehome

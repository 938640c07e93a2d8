#pragma once
// saved.h — rehome_saved: what an undo or a straggler would otherwise have lost. Written before the
// original goes. A document too large to stand in its record lies beside it, in parts.
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/document.h"
#include "model/vector_record.h"
#include "ports/document_store.h"

namespace rehome {

struct SavedDatum {
  std::string why;    // "changed before rollback", "straggler after cutover", …
  std::string place;  // collection or namespace
  std::string id;     // as Extended JSON; a vector's id
  std::string json;   // canonical Extended JSON, or the vector's record line
};

class Saved {
 public:
  Saved(DocumentStore& store, std::string run_id) : store_(store), run_id_(std::move(run_id)) {}
  /// The same datum saved again for the same reason is one record. How many were not there yet.
  [[nodiscard]] Result<std::size_t> Add(std::string_view why, std::string_view collection,
                                        std::span<const Document> documents, const Call& call);
  [[nodiscard]] Result<std::size_t> Add(std::string_view why, std::string_view ns,
                                        std::span<const VectorRecord> records, const Call& call);
  [[nodiscard]] Result<std::vector<SavedDatum>> List(const Call& call) const;

 private:
  [[nodiscard]] Value Key(const SavedDatum& datum) const;
  /// What is saved of `datum`, but for the datum itself.
  [[nodiscard]] DocumentBuilder Record(const SavedDatum& datum) const;
  [[nodiscard]] Result<std::size_t> Put(std::span<const Write> records, const Call& call);
  DocumentStore& store_;
  const std::string run_id_;
};

}  // namespace rehome

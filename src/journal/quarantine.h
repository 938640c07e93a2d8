#pragma once
// quarantine.h — what could not be moved, why, and the document itself. Never dropped: source =
// items + quarantined.
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "mapping/mapping.h"
#include "model/document.h"
#include "ports/document_store.h"

namespace rehome {

struct QuarantineRecord {
  Value source_id;
  QuarantineReason reason = QuarantineReason::kNoTenant;
  std::string detail;
  Md5Digest digest;  // of the source document
};

/// A document that goes there, borrowed for the call.
struct Quarantined {
  QuarantineRecord record;
  const Document* source = nullptr;
};

class Quarantine {
 public:
  Quarantine(DocumentStore& store, std::string run_id)
      : store_(store), run_id_(std::move(run_id)) {}

  [[nodiscard]] static Status Prepare(DocumentStore& store, const Call& call);
  /// Puts each document beside its record; again with another reason replaces it.
  [[nodiscard]] Status Add(std::span<const Quarantined> all, const Call& call);
  /// Absent ones are success. Costs nothing while nothing is in quarantine: whoever holds the lease
  /// alone puts something there, and by this object.
  [[nodiscard]] Status Remove(std::span<const Value> source_ids, const Call& call);
  [[nodiscard]] Result<std::uint64_t> Count(const Call& call) const;
  /// In `_id` order of the source, from `after` on.
  [[nodiscard]] Result<std::vector<QuarantineRecord>> List(const Call& call) const;
  /// The source ids of List().
  [[nodiscard]] Result<std::vector<Value>> ListIds(const Call& call) const;
  [[nodiscard]] Result<std::optional<QuarantineRecord>> Find(const Value& source_id,
                                                             const Call& call) const;
  /// The document as it was when it was quarantined.
  [[nodiscard]] Result<std::optional<Document>> FindDocument(const Value& source_id,
                                                             const Call& call) const;
  /// Which of `source_ids` are quarantined, in the order asked.
  [[nodiscard]] Result<std::vector<bool>> Contains(std::span<const Value> source_ids,
                                                   const Call& call) const;

 private:
  [[nodiscard]] Value Key(const Value& source_id) const;
  [[nodiscard]] Result<bool> IsEmpty(const Call& call);

  DocumentStore& store_;
  const std::string run_id_;
  enum class Known : std::uint8_t { kNothing, kEmpty, kNotEmpty };
  std::atomic<Known> known_ = Known::kNothing;
};

}  // namespace rehome

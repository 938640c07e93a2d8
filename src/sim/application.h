#pragma once
// application.h — the application of a simulated world: it writes to its stores while everything
// else happens, and it remembers what it wrote. What it remembers is the model that a world is
// compared with at the end.
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/random.h"
#include "mapping/mapping.h"
#include "model/vector_record.h"
#include "ports/document_store.h"
#include "sim/arena.h"

namespace rehome::sim {

/// Documents by the sort key of their `_id`.
using DocumentsByKey = std::map<std::string, Document>;
[[nodiscard]] Result<DocumentsByKey> ReadAll(DocumentStore& store, std::string_view collection);

/// The stores as the application has them: no fault reaches it.
struct RawStores {
  DocumentStore& source;
  DocumentStore& target;
  VectorStore& vectors;
};

class Application {
 public:
  /// Everything outlives it.
  Application(const CompiledPlan& compiled, const Sample& sample, const RawStores& stores,
              std::filesystem::path env_file, Random random, Tally& tally);

  /// Fills its stores with up to `count` documents, its pointers on the old side.
  [[nodiscard]] Status MoveIn(std::size_t count);
  /// From here on it writes to the old side only where its pointers lead there, or again.
  void WritesStragglers(bool writes) { writes_stragglers_ = writes; }
  /// One write of its own, wherever its pointers lead; some instances still write to the old side
  /// after the pointers were flipped. A fence refuses it: then it did not happen.
  [[nodiscard]] Status WriteSomething();
  /// Whether the pointers lead to the new side: none, some or all of them.
  enum class Side : std::uint8_t { kOld, kBetween, kNew };
  [[nodiscard]] Result<Side> PointsTo();

  /// The old side as it wrote it last.
  [[nodiscard]] const DocumentsByKey& legacy() const { return legacy_; }
  /// What it wrote to items of the new side and has not seen come back; absent: it deleted it.
  [[nodiscard]] const std::map<std::string, std::optional<Document>>& changed() const {
    return changed_;
  }
  /// What it wrote there before the cutover was complete, oldest first: one that is put back takes it
  /// along to the old side.
  using Versions = std::vector<std::optional<Document>>;
  [[nodiscard]] const std::map<std::string, Versions>& changed_early() const {
    return changed_early_;
  }
  /// A revert wrote its changes back: from here on the old side is as it stands there.
  [[nodiscard]] Status MoveBack();
  /// The vectors of the old side, by namespace: nobody writes them.
  [[nodiscard]] const std::map<std::string, std::vector<VectorRecord>>& legacy_vectors() const {
    return legacy_vectors_;
  }

  /// What the old side's documents added up to at each moment since RememberMoments().
  [[nodiscard]] const std::set<std::string>& moments() const { return moments_; }
  void RememberMoments() { moments_ = {legacy_sum_.ToString()}; }

 private:
  [[nodiscard]] Status WriteLegacy(Side side);
  [[nodiscard]] Status WriteItem();
  [[nodiscard]] Status InsertItem();
  [[nodiscard]] Status DeleteItem(const std::string& key, const Document& item);
  [[nodiscard]] Result<bool> Put(DocumentStore& store, const std::string& collection,
                                 const Write& write);
  [[nodiscard]] const Document& AnySource();
  [[nodiscard]] Status MoveInVectors();
  void SetLegacy(const std::string& key, std::optional<Document> document);
  /// `item` was written on the new side; absent: deleted.
  [[nodiscard]] Status NoteChanged(const std::string& key, std::optional<Document> item);

  const CompiledPlan& compiled_;
  const Plan& plan_;
  const Sample& sample_;
  DocumentStore& source_;
  DocumentStore& target_;
  VectorStore& vectors_;
  const std::filesystem::path env_file_;
  Random random_;
  Tally& tally_;
  DocumentsByKey legacy_;
  SetDigest legacy_sum_;  // of the documents' bytes
  std::set<std::string> moments_;
  std::map<std::string, std::vector<VectorRecord>> legacy_vectors_;
  std::map<std::string, std::optional<Document>> changed_;
  std::map<std::string, Versions> changed_early_;
  std::set<std::string> stragglers_;  // written on the old side after the flip
  bool writes_stragglers_ = true;
  std::uint64_t next_id_ = 1'000'000;
};

}  // namespace rehome::sim

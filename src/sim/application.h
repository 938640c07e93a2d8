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

#include "base/random.h"
#include "mapping/mapping.h"
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
  /// A revert wrote its changes back: from here on the old side is as it stands there.
  [[nodiscard]] Status MoveBack();

 private:
  [[nodiscard]] Status WriteLegacy();
  [[nodiscard]] Status WriteItem();
  [[nodiscard]] Status InsertItem();
  [[nodiscard]] Status DeleteItem(const std::string& key, const Document& item);
  [[nodiscard]] Result<bool> Put(DocumentStore& store, const std::string& collection,
                                 const Write& write);
  [[nodiscard]] const Document& AnySource();

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
  std::map<std::string, std::optional<Document>> changed_;
  std::set<std::string> stragglers_;  // written on the old side after the flip
  std::uint64_t next_id_ = 1'000'000;
};

}  // namespace rehome::sim

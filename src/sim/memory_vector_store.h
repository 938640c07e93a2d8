#pragma once
// memory_vector_store.h — a vector index in memory that behaves as the port's contract says:
// namespaces, pages in id order, a log sequence number per namespace. For unit tests and
// simulation.
#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/vector_store.h"

namespace rehome::sim {

class MemoryVectorStore final : public VectorStore {
 public:
  struct Options {
    int dimension = 0;  // 0: fixed by the first upsert
    std::string metric = "cosine";
    std::size_t page_count = 100;
    bool tells_lsn = true;
    /// Asked at every read while writes are not indexed yet: whether one more of them is now.
    /// Absent: a write shows at once.
    std::function<bool()> indexes{};
  };
  MemoryVectorStore() = default;
  explicit MemoryVectorStore(Options options) : options_(std::move(options)) {}

  [[nodiscard]] std::string Identity() const override { return "memory:vectors"; }

  Result<IndexInfo> Describe(const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    IndexInfo info{.identity = Identity(),
                   .dimension = options_.dimension,
                   .metric = options_.metric,
                   .vector_type = "dense",
                   .namespaces = {}};
    for (auto& [name, space] : spaces_) {
      Index(space);
      if (!space.records.empty()) {
        info.namespaces.emplace(name, space.records.size());
      }
    }
    return info;
  }

  Result<std::optional<Lsn>> Upsert(std::string_view ns, std::span<const VectorRecord> records,
                                    const Call& call) override {
    REHOME_TRY(Check(ns, call));
    const std::scoped_lock lock(mutex_);
    int dimension = options_.dimension;
    for (const VectorRecord& record : records) {
      REHOME_TRY(CheckRecord(record, dimension));
      dimension = static_cast<int>(record.values.size());
    }
    options_.dimension = dimension;
    return Written(spaces_[std::string(ns)], {.upserted = {records.begin(), records.end()}});
  }

  Result<std::vector<VectorRecord>> Fetch(std::string_view ns, std::span<const std::string> ids,
                                          const Call& call) override {
    REHOME_TRY(Check(ns, call));
    const std::scoped_lock lock(mutex_);
    std::vector<VectorRecord> out;
    const Space& space = Find(ns);
    for (const std::string& id : ids) {
      const auto found = space.records.find(id);
      if (found != space.records.end()) {
        out.push_back(found->second);
      }
    }
    return out;
  }

  Result<std::optional<Lsn>> Delete(std::string_view ns, std::span<const std::string> ids,
                                    const Call& call) override {
    REHOME_TRY(Check(ns, call));
    const std::scoped_lock lock(mutex_);
    const auto space = spaces_.find(ns);
    if (space == spaces_.end()) {
      return std::nullopt;
    }
    return Written(space->second, {.deleted = {ids.begin(), ids.end()}});
  }

  Result<IdPage> ListIds(std::string_view ns, std::string_view token, const Call& call) override {
    REHOME_TRY(Check(ns, call));
    const std::scoped_lock lock(mutex_);
    const Space& space = Find(ns);
    IdPage page;
    for (auto at = space.records.upper_bound(token); at != space.records.end(); ++at) {
      if (page.ids.size() == options_.page_count) {
        page.next = page.ids.back();
        break;
      }
      page.ids.push_back(at->first);
    }
    return page;
  }

  Result<std::vector<QueryMatch>> Query(std::string_view ns, std::span<const float> vector,
                                        int top_k, bool with_metadata, const Call& call) override {
    REHOME_TRY(Check(ns, call));
    const std::scoped_lock lock(mutex_);
    const Space& space = Find(ns);
    std::vector<std::pair<double, const VectorRecord*>> scores;
    scores.reserve(space.records.size());
    for (const auto& [id, record] : space.records) {
      scores.emplace_back(Score(record.values, vector), &record);
    }
    std::ranges::sort(scores, [](const auto& one, const auto& other) {
      return one.first != other.first ? one.first > other.first : one.second->id < other.second->id;
    });
    scores.resize(std::min(scores.size(), static_cast<std::size_t>(std::max(top_k, 0))));
    std::vector<QueryMatch> matches;
    matches.reserve(scores.size());
    for (const auto& [score, record] : scores) {
      matches.push_back({record->id, score, with_metadata ? record->metadata : Metadata()});
    }
    return matches;
  }

  Result<std::optional<Lsn>> IndexedLsn(std::string_view ns, const Call& call) override {
    REHOME_TRY(Check(ns, call));
    const std::scoped_lock lock(mutex_);
    return options_.tells_lsn ? std::optional(Find(ns).indexed) : std::nullopt;
  }

 private:
  struct Change {
    std::vector<VectorRecord> upserted{};
    std::vector<std::string> deleted{};
  };
  struct Space {
    std::map<std::string, VectorRecord, std::less<>> records;  // as reads show them
    std::deque<Change> written;                                // and do not show yet, oldest first
    Lsn indexed = 0;
    [[nodiscard]] Lsn lsn() const { return indexed + written.size(); }
  };

  static Status Stopped(const Call& call) {
    return call.stop.stop_requested() ? Fail(ErrorCode::kCancelled, "stopped") : Status{};
  }
  static Status Check(std::string_view ns, const Call& call) {
    REHOME_TRY(Stopped(call));
    return ns.empty() || ns == "__default__"
               ? Fail(ErrorCode::kInvalidArgument, "the default namespace is refused")
               : Status{};
  }
  static Status CheckRecord(const VectorRecord& record, int dimension) {
    const bool finite =
        std::ranges::all_of(record.values, [](float value) { return std::isfinite(value); });
    if (record.id.empty() || record.id.size() > 512 || !finite ||
        (dimension != 0 && static_cast<int>(record.values.size()) != dimension)) {
      return Fail(ErrorCode::kInvalidArgument, "vector " + record.id + " does not fit this index");
    }
    return {};
  }
  std::optional<Lsn> Written(Space& space, Change change) {
    space.written.push_back(std::move(change));
    Index(space);
    return options_.tells_lsn ? std::optional(space.lsn()) : std::nullopt;
  }
  void Index(Space& space) const {
    while (!space.written.empty() && (!options_.indexes || options_.indexes())) {
      for (VectorRecord& record : space.written.front().upserted) {
        std::string id = record.id;
        space.records.insert_or_assign(std::move(id), std::move(record));
      }
      for (const std::string& id : space.written.front().deleted) {
        space.records.erase(id);
      }
      space.written.pop_front();
      ++space.indexed;
    }
  }
  const Space& Find(std::string_view ns) {
    static const Space kEmpty;
    const auto found = spaces_.find(ns);
    if (found == spaces_.end()) {
      return kEmpty;
    }
    Index(found->second);
    return found->second;
  }
  [[nodiscard]] double Score(const std::vector<float>& stored, std::span<const float> asked) const {
    const std::size_t count = std::min(stored.size(), asked.size());
    double dot = 0;
    double of_stored = 0;
    double of_asked = 0;
    double distance = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double a = static_cast<double>(stored[i]);
      const double b = static_cast<double>(asked[i]);
      dot += a * b;
      of_stored += a * a;
      of_asked += b * b;
      distance += (a - b) * (a - b);
    }
    if (options_.metric == "euclidean") {
      return 1.0 / (1.0 + distance);
    }
    if (options_.metric == "dotproduct") {
      return dot;
    }
    const double norms = std::sqrt(of_stored * of_asked);
    return norms > 0 ? dot / norms : 0;
  }

  std::mutex mutex_;
  Options options_;                                   // guarded by mutex_
  std::map<std::string, Space, std::less<>> spaces_;  // guarded by mutex_
};

}  // namespace rehome::sim

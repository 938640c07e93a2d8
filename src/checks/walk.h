#pragma once
// walk.h — how the checks read: documents in `_id` order and vectors in id order, in batches, so
// that memory does not grow with the data; and what `only` and `sample` leave of them.
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "checks/check.h"
#include "ports/listing.h"
#include "ports/scan.h"

namespace rehome {

inline constexpr std::size_t kWalkBatchCount = 1000;
inline constexpr std::size_t kWalkBatchBytes = std::size_t{4} << 20U;

/// The documents of a range one by one, read in batches.
class DocumentStream {
 public:
  /// `store` must outlive it.
  [[nodiscard]] static Result<DocumentStream> Open(DocumentStore& store,
                                                   std::string_view collection,
                                                   const IdRange& range, const Call& call);
  /// Null at the end. Valid until Advance().
  [[nodiscard]] const Document* head() const {
    return at_ < batch_.size() ? &batch_[at_] : nullptr;
  }
  [[nodiscard]] Status Advance();

 private:
  explicit DocumentStream(std::unique_ptr<DocumentCursor> cursor) : cursor_(std::move(cursor)) {}
  [[nodiscard]] Status Refill();
  std::unique_ptr<DocumentCursor> cursor_;
  std::vector<Document> batch_;
  std::size_t at_ = 0;
};

/// The key ranges to look at: about `parts` that cover the collection, or the sampled share of
/// many, at least one.
[[nodiscard]] Result<std::vector<IdRange>> RangesOf(const CheckContext& context,
                                                    DocumentStore& store,
                                                    std::string_view collection, std::size_t parts);

using EachBatch = std::function<Status(std::vector<Document> documents)>;
/// Every item of the target collection, without regard to `only` and `sample`.
[[nodiscard]] Status ForEachItem(const CheckContext& context, const EachBatch& each);
/// The items that this verification looks at.
[[nodiscard]] Status ForEachItemLookedAt(const CheckContext& context, const EachBatch& each);

/// `only` in batches; it must be set.
[[nodiscard]] Status ForEachIdOfOnly(const CheckContext& context,
                                     const std::function<Status(std::span<const Value> ids)>& each);

/// Present records by id. An id that was just listed may be slow to be read: it is asked for again,
/// with pauses.
using Records = std::map<std::string, VectorRecord, std::less<>>;
[[nodiscard]] Result<Records> FetchListed(const CheckContext& context, std::string_view ns,
                                          std::span<const std::string> ids);
[[nodiscard]] Result<Records> FetchPresent(const CheckContext& context, std::string_view ns,
                                           std::span<const std::string> ids);

/// Of a walk, whose total is what phase `made` counted under `counted`; 0 where it told none.
[[nodiscard]] Progress ProgressOver(const CheckContext& context, Phase made,
                                    std::string_view counted, std::string step);

/// Ids that a namespace of the target lists, and the records of those that can be fetched.
struct Fetched {
  std::vector<std::string> ids;
  Records records;
};
using EachFetched = std::function<Status(const Fetched& page)>;
/// Every vector of a namespace, read ahead. `select`, where given, takes ids out before they are
/// fetched; it is called by another thread than `each`.
[[nodiscard]] Status ForEachFetched(
    const CheckContext& context, std::string_view ns, const EachFetched& each,
    const std::function<void(std::vector<std::string>& ids)>& select = {});

/// Items by `item_id`; more than one where the id is taken twice.
using ItemsById = std::map<std::string, std::vector<Document>, std::less<>>;
[[nodiscard]] Result<ItemsById> FindItems(const CheckContext& context,
                                          std::span<const std::string> item_ids);

/// At most `count_max` of what is offered, each with the same chance.
template <class T>
class Reservoir {
 public:
  Reservoir(std::size_t count_max, std::uint64_t seed) : count_max_(count_max), random_(seed) {}
  void Offer(const T& value) {
    ++offered_;
    if (kept_.size() < count_max_) {
      kept_.push_back(value);
    } else if (const std::uint64_t slot = random_.Below(offered_); slot < count_max_) {
      kept_[slot] = value;
    }
  }
  [[nodiscard]] std::vector<T>& kept() { return kept_; }

 private:
  std::size_t count_max_;
  Random random_;
  std::uint64_t offered_ = 0;
  std::vector<T> kept_;
};

}  // namespace rehome

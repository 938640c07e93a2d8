#pragma once
// listing.h — a namespace's ids page by page, so that memory does not grow with it.
#include <string>
#include <string_view>
#include <vector>

#include "ports/vector_store.h"

namespace rehome {

/// Ids must ascend from page to page, so that none comes twice and none is skipped by a page that
/// starts anew, and pages must advance: else kDataLoss, since nothing proves the listing complete.
class Listing {
 public:
  /// `store` must outlive it.
  Listing(VectorStore& store, std::string_view ns) : store_(store), ns_(ns) {}
  /// The ids of the next page that has some; empty at the end.
  [[nodiscard]] Result<std::vector<std::string>> Next(const Call& call);

 private:
  VectorStore& store_;
  const std::string ns_;
  std::string token_;
  std::string last_;
  bool ended_ = false;
};

/// Hands every page to `each`, a Status(const std::vector<std::string>& ids).
template <class Each>
[[nodiscard]] Status ForEachPage(VectorStore& store, std::string_view ns, const Call& call,
                                 const Each& each) {
  Listing listing(store, ns);
  while (true) {
    REHOME_TRY_ASSIGN(const std::vector<std::string> ids, listing.Next(call));
    if (ids.empty()) {
      return {};
    }
    REHOME_TRY(each(ids));
  }
}

}  // namespace rehome

#include "ports/listing.h"

#include <fmt/format.h>

#include <utility>

namespace rehome {
namespace {

constexpr const char* kAskAgain =
    "run the same command again; if it stays, ask the index's provider";

}  // namespace

Result<std::vector<std::string>> Listing::Next(const Call& call) {
  while (!ended_) {
    REHOME_TRY_ASSIGN(IdPage page, store_.ListIds(ns_, token_, call));
    for (const std::string& id : page.ids) {
      if (id <= last_) {
        return Fail(
            ErrorCode::kDataLoss,
            fmt::format(
                "the listing of namespace {} gives {} after {}: it cannot be proved complete", ns_,
                id, last_),
            kAskAgain);
      }
      last_ = id;
    }
    if (!page.next.empty() && page.next == token_) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("the listing of namespace {} does not advance", ns_), kAskAgain);
    }
    token_ = std::move(page.next);
    ended_ = token_.empty();
    if (!page.ids.empty()) {
      return std::move(page.ids);
    }
  }
  return std::vector<std::string>{};
}

}  // namespace rehome

#pragma once
// vector_walk.h — every vector of a namespace, read ahead: while some are looked at, the next are
// listed and fetched.
#include <functional>
#include <string>
#include <vector>

#include "base/pump.h"
#include "flow/context.h"
#include "ports/listing.h"

namespace rehome {

/// Enough for several requests at once, few enough that a queue of them is small.
inline constexpr std::size_t kIdsReadAhead = 400;

/// Reads every id of `ns` into a Page by `read`, a Result<Page>(std::vector<std::string> ids), on
/// another thread where the plan allows one, and hands the pages to `each`, a Status(const Page&), in the
/// order of their ids.
template <class Page, class Read, class Each>
[[nodiscard]] Status ForEachRead(const FlowContext& flow, VectorStore& store, std::string_view ns,
                                 const Call& call, const Read& read, const Each& each) {
  const auto open = [&](std::size_t) -> Result<typename Pump<Page>::Source> {
    return [&, listing = Listing(store, ns)]() mutable -> Result<std::optional<Page>> {
      std::vector<std::string> ids;
      while (ids.size() < kIdsReadAhead) {
        REHOME_TRY_ASSIGN(std::vector<std::string> more, listing.Next(call));
        if (more.empty()) {
          break;
        }
        std::ranges::move(more, std::back_inserter(ids));
      }
      if (ids.empty()) {
        return std::nullopt;
      }
      REHOME_TRY_ASSIGN(Page page, read(std::move(ids)));
      return page;
    };
  };
  return Pump<Page>::Run(1,
                         {.threads = flow.plan.limits.ReadsAhead() ? 1U : 0U,
                          .queued_max = 2,
                          .scheduler = flow.scheduler},
                         call.stop, open, [&](const Page& page) { return each(page); });
}

}  // namespace rehome

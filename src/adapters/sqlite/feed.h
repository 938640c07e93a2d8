#pragma once
// feed.h — the change feed over a file: rows that triggers append to `$:feed`. A position is a row
// number. A feed's owner is its set of collections; rows up to the lowest position that every owner
// has released are pruned, but the newest row stays, so that numbers are never given twice.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sqlite/connections.h"
#include "base/clock.h"
#include "ports/change_feed.h"

namespace rehome::sqlite {

class Feed final : public ChangeFeed {
 public:
  /// kInvalidArgument: no collections, or one of the journal's own, whose writes are not recorded.
  [[nodiscard]] static Result<std::unique_ptr<ChangeFeed>> Open(
      std::shared_ptr<Connections> connections, std::vector<std::string> collections, Clock& clock);

  [[nodiscard]] Result<ChangePosition> Head(const Call& call) override;
  [[nodiscard]] Result<ChangeBatch> Read(const ChangePosition& after, std::size_t count_max,
                                         Millis wait, const Call& call) override;
  [[nodiscard]] Status Release(const ChangePosition& position, const Call& call) override;

 private:
  Feed(std::shared_ptr<Connections> connections, std::vector<std::string> collections,
       std::string owner, Clock& clock)
      : connections_(std::move(connections)),
        collections_(std::move(collections)),
        owner_(std::move(owner)),
        clock_(clock) {}
  [[nodiscard]] Result<ChangeBatch> ReadOnce(Connection& connection, std::int64_t after,
                                             std::size_t count_max);
  /// From now on nothing after `position` is pruned; what this owner released before holds.
  [[nodiscard]] Status Register(std::int64_t position, const Call& call);
  [[nodiscard]] Result<std::string> NumberList(Connection& connection) const;

  // Constant after construction.
  const std::shared_ptr<Connections> connections_;
  const std::vector<std::string> collections_;  // ascending
  const std::string owner_;
  Clock& clock_;
  // One reader thread.
  bool registered_ = false;
  std::optional<std::int64_t> lap_end_;
};

}  // namespace rehome::sqlite

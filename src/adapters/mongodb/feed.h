#pragma once
// feed.h — the change feed over change streams.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mongodb/stream.h"
#include "base/clock.h"
#include "ports/change_feed.h"

namespace rehome::mongodb {

class Feed final : public ChangeFeed {
 public:
  /// kFailedPrecondition: the server has no change streams.
  [[nodiscard]] static Result<std::unique_ptr<ChangeFeed>> Open(
      std::shared_ptr<Server> server, std::vector<std::string> collections, Clock& clock,
      const Call& call);

  [[nodiscard]] Result<ChangePosition> Head(const Call& call) override;
  [[nodiscard]] Result<ChangeBatch> Read(const ChangePosition& after, std::size_t count_max,
                                         Millis wait, const Call& call) override;
  [[nodiscard]] Status Release(const ChangePosition& position, const Call& call) override;

 private:
  /// What reading must pass to have seen everything that a lap is about.
  struct Until {
    std::uint64_t time = 0;   // a cluster time; 0: the server keeps none
    bool from_oplog = false;  // the server names no time itself, nor where an idle stream stands
  };

  Feed(std::shared_ptr<Server> server, std::vector<std::string> collections, bool one_stream,
       Clock& clock)
      : server_(std::move(server)),
        collections_(std::move(collections)),
        one_stream_(one_stream),
        clock_(clock) {}
  [[nodiscard]] Watched WatchedBy(const std::string& stream) const;
  [[nodiscard]] std::vector<std::string> StreamNames() const;
  [[nodiscard]] Result<Document> HeadOf(const std::string& stream, const Call& call);
  [[nodiscard]] Status AwaitMajority(std::uint64_t time, const Call& call);
  [[nodiscard]] Result<Until> Now(const Call& call);
  /// Makes the streams stand where `after` says, what was read beyond it kept if it is the same.
  [[nodiscard]] Status Align(const ChangePosition& after, const Call& call);
  /// One look at every stream; true: everything up to `until` was seen.
  [[nodiscard]] Result<bool> Look(std::size_t count_max, Millis wait, const Until& until,
                                  const Call& call);
  /// Whether a stream that has just told `events` has shown everything up to `until`.
  [[nodiscard]] bool IsThrough(const std::string& stream, const std::vector<Document>& events,
                               const Until& until);
  [[nodiscard]] Result<std::vector<Document>> ReadStream(const std::string& name,
                                                         std::size_t count_max, Millis wait,
                                                         const Call& call);
  [[nodiscard]] Status Gather(const std::string& name, const std::vector<Document>& events);
  [[nodiscard]] ChangeBatch Deliver(bool caught_up);

  // Constant after construction.
  const std::shared_ptr<Server> server_;
  const std::vector<std::string> collections_;  // ascending
  const bool one_stream_;
  Clock& clock_;
  // One reader thread.
  std::map<std::string, Stream, std::less<>> streams_;
  Places places_;                      // what `gathered_` ends with
  std::vector<ChangeEvent> gathered_;  // read after `asked_`, not delivered yet
  ChangePosition asked_;
  std::optional<Until> lap_end_;
};

}  // namespace rehome::mongodb

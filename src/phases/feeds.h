#pragma once
// feeds.h — following a live source. An event only names an `_id`; what a slice of events names is
// read again, mapped and written (flow/reconcile.h), and only then the feed's position moves beyond
// the slice. So nothing is lost by a crash between any two of these, order, size and number of
// events do not matter, and only the last version is paid for.
//
// Where the store has no feed a digest sweep takes its place: both sides are read and compared.
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "flow/reconcile.h"
#include "phases/session.h"

namespace rehome {

struct Drained {
  std::size_t named = 0;  // ids that the feed or the sweep named; one twice where slices part it
  Reconciled reconciled;
  bool swept = false;  // without a feed: what must be left alone is named again each time
  bool lost = false;   // the feed no longer holds the position
};

/// Takes the position from which DrainForward() will read, once per run, before phase 2's first
/// read.
[[nodiscard]] Status TakeForwardPosition(Session& session);
/// Takes the position from which DrainReverse() will read: at each cutover, before the first pointer
/// flips.
[[nodiscard]] Status TakeReversePosition(Session& session);
/// Whether the position is one of a feed: else a forward drain is a sweep.
[[nodiscard]] bool HasForwardFeed(const RunRecord& run);
/// Forgets them: phase 2 was undone; the application is on the old side again.
[[nodiscard]] Status ForgetForward(Session& session);
[[nodiscard]] Status ForgetReverse(Session& session);

using ApplyIds = std::function<Status(const std::vector<Value>& ids)>;

/// A lap: applies what the source's feed names from the saved position to where it stands at the
/// call; waits up to `wait` for a first event. Without a feed: a sweep. `note`, where given, hears of
/// ids before they are applied, and its error ends the lap. kFailedPrecondition where the position
/// was lost, with the hint `--sweep`.
[[nodiscard]] Result<Drained> DrainForward(Session& session, VectorMode mode,
                                           Millis wait = Millis{0}, const ApplyIds& note = {});

/// Hands to `apply` the ids of items that were written on the new side since the reverse position,
/// ours included; what it was handed once without error is not handed again. Without a feed: every
/// item that is not as the ledger says.
[[nodiscard]] Result<Drained> DrainReverse(Session& session, const ApplyIds& apply,
                                           Millis wait = Millis{0});

/// kFailedPrecondition where the source collection is gone (once cut over: or empty), and not by phase
/// 5: whatever compares with it would take every item for one whose source was deleted.
[[nodiscard]] Status RefuseGoneSource(Session& session);

/// A new position first, then both sides compared by digest, and what differs reconciled.
[[nodiscard]] Result<Drained> SweepForward(Session& session, VectorMode mode);

/// How the last of some laps went.
struct LastLap {
  std::size_t named = 0;
  Millis took{0};
};

/// Runs `lap`, which tells how many ids it named, again and again. A lap carries what was written
/// during the one before it: beside a steady writer laps become as short as they get, not empty. So
/// one is the last that named none, or no less than half of the one before; while they take longer
/// than `longest`, that hardly named less.
[[nodiscard]] Result<LastLap> RunLaps(Clock& clock, Millis longest,
                                      const std::function<Result<std::size_t>()>& lap);

/// What the forward feed names beyond what was applied. Reads only and changes no position; goes on
/// where its last look ended while the run's position stands. For one thread; all outlive it.
class PendingChanges {
 public:
  PendingChanges(const Plan& plan, const RunRecord& run, const Stores& stores)
      : plan_(plan), run_(run), stores_(stores) {}
  /// Which of `ids` are named.
  [[nodiscard]] Result<std::vector<bool>> Among(std::span<const Value> ids, const Call& call);
  /// How many there are; nothing where no feed tells.
  [[nodiscard]] Result<std::optional<std::uint64_t>> Count(const Call& call);

 private:
  [[nodiscard]] Status Follow(const std::string& applied_through, const Call& call);

  const Plan& plan_;
  const RunRecord& run_;
  const Stores& stores_;
  std::string applied_through_;  // what `named_` begins behind
  ChangePosition reached_;
  std::set<std::string> named_;  // sort keys, of stamped collections too
};

}  // namespace rehome

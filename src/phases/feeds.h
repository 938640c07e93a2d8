#pragma once
// feeds.h — following a live source. An event only marks its `_id` dirty; the mark is durable
// before the feed's position is; what is dirty is read again, mapped and written
// (flow/reconcile.h); the mark goes only if no later event has moved it. So nothing is lost by a
// crash between any two of these, and only the last version is paid for.
//
// Where the store has no feed a digest sweep takes its place: both sides are read and compared.
#include <functional>
#include <vector>

#include "flow/reconcile.h"
#include "phases/session.h"

namespace rehome {

struct Drained {
  std::vector<Value> ids;  // that the feed or the sweep named
  Reconciled reconciled;
  bool caught_up = true;  // false: more came than one call carries
  bool swept = false;     // without a feed: what must be left alone is named again each time
};

/// Takes the position from which DrainForward() will read, once per run, before phase 2's first
/// read.
[[nodiscard]] Status TakeForwardPosition(Session& session);
/// Takes the position from which DrainReverse() will read: at cutover, before the first pointer
/// flips.
[[nodiscard]] Status TakeReversePosition(Session& session);
/// Forgets them, and what is dirty: phase 2 was undone; the application is on the old side again.
[[nodiscard]] Status ForgetForward(Session& session);
[[nodiscard]] Status ForgetReverse(Session& session);

using ApplyIds = std::function<Status(const std::vector<Value>& ids)>;

/// Applies what the source's feed named since the saved position, until it has caught up; waits up
/// to `wait` for a first event. Without a feed: a sweep. `note`, where given, hears of ids before
/// they are applied. kFailedPrecondition where the position was lost, with the hint `--sweep`.
[[nodiscard]] Result<Drained> DrainForward(Session& session, VectorMode mode,
                                           Millis wait = Millis{0}, const ApplyIds& note = {});

/// Hands to `apply` the ids of items that were written on the new side since the reverse position,
/// ours included; what it was handed once without error is not handed again. Without a feed: every
/// item that is not as the ledger says.
[[nodiscard]] Result<Drained> DrainReverse(Session& session, const ApplyIds& apply,
                                           Millis wait = Millis{0});

/// A new position first, then both sides compared by digest, and what differs reconciled.
[[nodiscard]] Result<Drained> SweepForward(Session& session, VectorMode mode);

/// Which of `ids` the forward feed names beyond what was applied. Reads only; changes no position.
[[nodiscard]] Result<std::vector<bool>> PendingForward(const Plan& plan, const RunRecord& run,
                                                       const Stores& stores,
                                                       std::span<const Value> ids,
                                                       const Call& call);

}  // namespace rehome

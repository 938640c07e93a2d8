#pragma once
// change_feed.h — what was written to a document store, in order. An event only says which _id was
// touched: the reader reads the document again, so that order, size and look-ups cannot lose
// anything. Contract (checked by tests/contract/document_store_contract.h):
//   threads   one reader thread per feed
//   complete  every write committed after Head() returned P is named by Read() from P on, at least
//             once
//   laps      one begins with the first Read(), and with the first after one that had caught up: who
//             reads until it has caught up comes to an end beside any writer
//   lost      a position that the store no longer holds is kFailedPrecondition with hint `--sweep`
#include <string>
#include <vector>

#include "base/error.h"
#include "model/document.h"
#include "ports/call.h"

namespace rehome {

/// Opaque; comparable for equality, orderable only by the store that made it. Printable.
struct ChangePosition {
  std::string token;
  bool operator==(const ChangePosition&) const = default;
};

struct ChangeEvent {
  std::string collection;
  Value id;
  ChangePosition position;  // Read() from here gives what came after this event
};

struct ChangeBatch {
  std::vector<ChangeEvent> events;
  ChangePosition position;  // everything up to here is in this or an earlier batch; advances on an
                            // idle feed too
  bool caught_up = false;   // all that was committed before the lap began was in its batches
};

class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;
  /// The position after everything that is committed now.
  [[nodiscard]] virtual Result<ChangePosition> Head(const Call& call) = 0;
  /// At most `count_max` events after `after`; waits up to `wait` for the first. What is far behind
  /// gives what it has after a while, not caught up.
  [[nodiscard]] virtual Result<ChangeBatch> Read(const ChangePosition& after, std::size_t count_max,
                                                 Millis wait, const Call& call) = 0;
  /// Nothing up to `position` will be read again by this feed's owner (SQLite prunes; MongoDB
  /// ignores it).
  [[nodiscard]] virtual Status Release(const ChangePosition& position, const Call& call) = 0;
};

}  // namespace rehome

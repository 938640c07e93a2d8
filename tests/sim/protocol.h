#pragma once
// protocol.h — the protocol of a run on the smallest data where it can go wrong: three documents,
// two tenants, two runners of which one may crash or lose its lease at any step, an application
// that writes. Every step is one call of a port. What a runner decides it decides with the engine's
// own functions (flow/decision.h, journal/ledger.h, model/phase.h); what is modelled is their
// order.
//
// A version of a document is a small number; its lowest bit is its tenant. The application's writes
// on the new side have kAppWrote set. 0: nothing stands there.
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/phase.h"

namespace rehome::sim {

inline constexpr std::size_t kKeys = 3;
inline constexpr std::size_t kRunners = 2;
inline constexpr std::uint8_t kNever = 0xFF;
inline constexpr std::uint8_t kAppWrote = 8;

/// One document on both sides, with what the journal and the feeds say of it.
struct Datum {
  std::uint8_t source = 0;
  std::uint8_t item = 0;
  bool marked = false;
  std::array<std::uint8_t, 2> vectors{};  // by tenant
  std::uint8_t done = kNever;             // what the ledger's last closed step wrote
  std::uint8_t open = kNever;             // what its open step will have written
  bool moving = false;                    // an intent is open in both namespaces
  bool event = false;                     // named by the source's feed, and not read yet
  bool event_read = false;                // read, and the position not saved yet
  bool item_dirty = false;                // written on the new side since the cutover
  // What the application remembers: the truth that everything is compared with.
  std::uint8_t truth = 0;      // what it wrote last, on whichever side
  bool written_there = false;  // on the new side, and not carried back yet
};

/// What a runner does next.
enum class Step : std::uint8_t {
  kAway,
  kSettle,
  kCopyRead,
  kCopyIntend,
  kCopyInsert,
  kCopyClose,
  kCopyCheckpoint,
  kEndItems,
  kReadFeed,
  kSavePosition,
  kPick,
  kDecide,
  kIntend,
  kWrite,
  kClose,
  kLoadUnmarked,
  kUpsert,
  kMark,
  kBeginMove,
  kUpsertMoved,
  kIntendMoved,
  kWriteMoved,
  kCloseMoved,
  kDeleteMoved,
  kEndMove,
  kUnmarkDoomed,
  kDeleteVector,
  kNext,
  kEndVectors,
  kVerify,
  kIntendCutover,
  kRaiseFence,
  kVerifyDelta,
  kFlip,
  kComplete,
  kIntendRevert,
  kRaiseFences,
  kPickItem,
  kWriteBack,
  kResetMark,
  kAdopt,
  kPointBack,
  kLiftFences,
  kForgetCutover,
  kRest,
};

struct Runner {
  Step step = Step::kAway;
  Step after = Step::kAway;  // the drain
  std::uint8_t epoch = 0;
  std::uint8_t key = 0;
  std::uint8_t source = 0;  // as it read them
  std::uint8_t item = 0;
  bool marked = false;
  bool applied = false;
  bool drained = false;    // the last look at the feed found nothing
  bool embedding = false;  // phase 3 walks the items
  std::uint8_t sweep = 0;  // keys to be reconciled, as bits
};

enum class CutoverStep : std::uint8_t { kNone, kIntended, kVerified, kComplete, kReverting };

struct State {
  std::array<Datum, kKeys> data{};
  std::array<Runner, kRunners> runners{};
  RunState run = RunState::kNew;
  std::uint8_t epoch = 0;  // of the lease
  Phase phase = Phase::kItems;
  std::uint8_t reached = 0;  // keys that phase 2 has behind it
  CutoverStep cutover = CutoverStep::kNone;
  bool fence = false;
  bool new_fence = false;
  bool flipped = false;
  bool cut_over = false;
  bool revert_wanted = false;
  bool reverted = false;
  // What may still happen.
  std::uint8_t writes_left = 0;
  std::uint8_t crashes_left = 0;
  std::uint8_t takeovers_left = 0;
};

/// A protocol that is wrong on purpose: each must be found out.
enum class Bug : std::uint8_t {
  kNothing,
  kCheckpointBeforeWrite,
  kPositionBeforeWrite,
  kMarkBeforeUpsert,
  kNoLeaseCheck,
  kNoFence,
  kMoveWithoutIntent,
  kDeleteMarked,
};

struct Exploration {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::string broken;            // the invariant; empty: none
  std::vector<std::string> way;  // the steps that lead there
};

struct Bounds {
  std::uint8_t writes = 1;
  std::uint8_t crashes = 1;
  std::uint8_t takeovers = 1;
};

/// Every state that can be reached, breadth first; stops at the first broken invariant, which is
/// then one with the shortest way to it.
[[nodiscard]] Exploration Explore(const Bounds& bounds, Bug bug = Bug::kNothing);

}  // namespace rehome::sim

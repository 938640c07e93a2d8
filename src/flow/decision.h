#pragma once
// decision.h — what becomes of one document, from what is known of it. Pure: the exploration of the
// protocol (tests/sim) decides with the same code as the engine.
#include <cstdint>
#include <optional>

#include "base/digest.h"
#include "journal/ledger.h"

namespace rehome {

enum class Action : std::uint8_t {
  kNothing,
  kInsert,
  kReplace,
  kReroute,  // to another tenant: the vector moves first
  kRemove,
  kSaveStraggler,  // after cutover the application's own item stays, or stays away
  kConflict        // before cutover what is not ours is named and left
};

struct Situation {
  const OwnedHistory& history;       // of the item's id
  std::optional<Md5Digest> desired;  // what mapping the source gives now; absent: no item
  std::optional<Md5Digest> found;    // the item that stands there; absent: none
  bool moves = false;                // `found` and `desired` belong to two tenants of this run
  bool cut_over = false;             // the application is on the new side
  bool changed_is_ours = false;      // what was changed before cutover is written over (repair)
};
[[nodiscard]] Action Decide(const Situation& situation);

}  // namespace rehome

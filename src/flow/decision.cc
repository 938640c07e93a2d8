#include "flow/decision.h"

namespace rehome {
namespace {

Action DecideAbsent(const Situation& situation) {
  if (!situation.desired) {
    return Action::kNothing;
  }
  const OwnedHistory::Step* last = situation.history.LastDone();
  const bool deleted_by_application =
      situation.cut_over && last != nullptr && last->after.has_value();
  return deleted_by_application ? Action::kSaveStraggler : Action::kInsert;
}

}  // namespace

Action Decide(const Situation& situation) {
  if (!situation.found) {
    return DecideAbsent(situation);
  }
  if (situation.desired == situation.found) {
    return Action::kNothing;
  }
  const Ownership ownership = Judge(situation.history, *situation.found);
  const bool may_replace_changed = situation.changed_is_ours && !situation.cut_over;
  if (ownership == Ownership::kForeign ||
      (ownership == Ownership::kChanged && !may_replace_changed)) {
    if (!situation.cut_over) {
      return Action::kConflict;
    }
    return situation.desired ? Action::kSaveStraggler : Action::kNothing;
  }
  if (!situation.desired) {
    return Action::kRemove;
  }
  return situation.moves ? Action::kReroute : Action::kReplace;
}

}  // namespace rehome

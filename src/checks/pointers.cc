// The application's configuration says what the run says.
#include <fmt/format.h>

#include <algorithm>

#include "checks/all.h"
#include "checks/findings.h"

namespace rehome {
namespace {

std::string Shown(const std::optional<std::string>& value) {
  return value ? fmt::format("\"{}\"", *value) : "nothing";
}

std::string PlaceOf(const PointerRecord& pointer) {
  return pointer.id.empty() ? pointer.where : fmt::format("{} {}", pointer.where, pointer.id);
}

bool IsSame(const PointerRecord& a, const PointerRecord& b) {
  return a.kind == b.kind && a.where == b.where && a.id == b.id && a.key == b.key;
}

}  // namespace

Result<CheckResult> CheckPointers(CheckContext& context) {
  if (!context.run.IsCutOver() || !context.run.cutover) {
    return Skip("pointers", "the application has not been cut over");
  }
  if (!context.pointers) {
    return Skip("pointers", "the application's configuration cannot be read from here");
  }
  CheckResult result;
  const std::vector<PointerRecord>& journaled = context.run.cutover->pointers;
  result.expected = fmt::format("{} pointers on the new side", journaled.size());
  auto now = context.pointers();
  if (!now) {
    if (now.error().code != ErrorCode::kFailedPrecondition) {
      return std::unexpected(std::move(now).error());
    }
    result.Add({DiscrepancyClass::kMissing,
                journaled.empty() ? std::string() : PlaceOf(journaled.front()), "",
                now.error().message});
    result.found = "a pointer that cannot be read";
    return result;
  }
  std::size_t right = 0;
  for (const PointerRecord& pointer : journaled) {
    const auto found =
        std::ranges::find_if(*now, [&](const PointerRecord& one) { return IsSame(one, pointer); });
    const std::optional<std::string> value = found == now->end() ? std::nullopt : found->old_value;
    if (value == pointer.new_value) {
      ++right;
    } else {
      result.Add({DiscrepancyClass::kDiffering, PlaceOf(pointer), pointer.key,
                  fmt::format("expected \"{}\", found {}", pointer.new_value, Shown(value))});
    }
  }
  result.found = fmt::format("{} on the new side", right);
  return result;
}

}  // namespace rehome

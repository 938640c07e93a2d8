#include "checks/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "checks/all.h"

namespace rehome {
namespace {

constexpr std::size_t kIdsInWords = 3;
constexpr int kRecheckRounds = 4;

/// Suspects of one pass, by what a second pass needs.
struct Suspects {
  std::vector<Value> ids;
  bool all_known = true;  // each has an `_id`
};

Result<CheckResult> Observe(const NamedCheck& check, CheckContext& context, Suspects& suspects) {
  const auto told = context.on_finding;
  context.on_finding = [&suspects, &told](const Suspect& suspect) {
    suspects.all_known = suspects.all_known && suspect.source_id.has_value() && suspect.in_delta;
    if (suspect.source_id) {
      suspects.ids.push_back(*suspect.source_id);
    }
    if (told) {
      told(suspect);
    }
  };
  auto result = check.run(context);
  context.on_finding = told;
  return result;
}

/// What the second pass says of what failed in the first takes its place.
void Replace(CheckResult& result, CheckResult again) {
  std::vector<Discrepancy> kept = std::exchange(result.discrepancies, {});
  std::erase_if(kept, [](const Discrepancy& one) { return IsFailing(one.discrepancy_class); });
  std::erase_if(result.totals, [&](const auto& total) {
    return std::ranges::none_of(
        kept, [&](const Discrepancy& one) { return Name(one.discrepancy_class) == total.first; });
  });
  result.discrepancies = std::move(kept);
  result.passed = again.passed;
  for (Discrepancy& one : again.discrepancies) {
    if (IsFailing(one.discrepancy_class)) {
      result.discrepancies.push_back(std::move(one));
    }
  }
  for (const auto& [name, total] : again.totals) {
    result.totals.try_emplace(name, total);
  }
}

/// On live data a document may be between two writes: what failed is judged again, and only what
/// fails each time stands.
Status Recheck(const NamedCheck& check, CheckContext& context, CheckResult& result,
               Suspects suspects) {
  const auto only = context.only;
  for (int round = 1; round <= kRecheckRounds; ++round) {
    const bool suspect = std::ranges::any_of(result.discrepancies, [](const Discrepancy& one) {
      return IsFailing(one.discrepancy_class);
    });
    if ((result.passed && !suspect) || !context.recheck(round)) {
      break;
    }
    if (check.in_delta && suspects.all_known && !suspects.ids.empty()) {
      context.only = std::exchange(suspects.ids, {});
    }
    suspects = {};
    auto again = Observe(check, context, suspects);
    context.only = only;
    if (!again) {
      return std::unexpected(std::move(again).error());
    }
    Replace(result, *std::move(again));
  }
  return {};
}

void TellAges(const CheckContext& context, CheckResult& result) {
  if (context.progress == nullptr || context.clock == nullptr) {
    return;
  }
  for (const Discrepancy& one : result.discrepancies) {
    if (IsFailing(one.discrepancy_class)) {
      const auto age = context.clock->Now() - context.progress->FirstSeen(one.id);
      result.ages.insert_or_assign(one.id, std::chrono::duration_cast<Millis>(age));
    }
  }
}

Result<CheckResult> Make(const NamedCheck& check, CheckContext& context) {
  if (context.call.stop.stop_requested()) {
    return Fail(ErrorCode::kCancelled, "stopped on request");
  }
  Suspects suspects;
  auto result = Observe(check, context, suspects);
  if (result && context.recheck) {
    // Seen now, so that the age counts from the first look.
    TellAges(context, *result);
    if (const Status rechecked = Recheck(check, context, *result, std::move(suspects));
        !rechecked) {
      result = std::unexpected(rechecked.error());
    }
  }
  if (result) {
    result->ages.clear();
    TellAges(context, *result);
  }
  if (!result) {
    return std::unexpected(std::move(result).error().In(fmt::format("check {}", check.name)));
  }
  result->check = check.name;
  return result;
}

template <class Chosen>
Result<Verification> MakeAll(CheckContext& context, const Chosen& chosen) {
  Verification out;
  for (const NamedCheck& check : AllChecks()) {
    if (chosen(check)) {
      const std::string name(check.name);
      context.events.Advanced({.phase = context.phase, .step = name, .done = 0, .total = 1});
      REHOME_TRY_ASSIGN(CheckResult result, Make(check, context));
      context.events.Advanced({.phase = context.phase, .step = name, .done = 1, .total = 1});
      out.passed = out.passed && result.passed;
      out.checks.push_back(std::move(result));
    }
  }
  return out;
}

Status RefuseUnknown(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::ranges::find(AllChecks(), name, &NamedCheck::name) == AllChecks().end()) {
      std::vector<std::string_view> known;
      std::ranges::transform(AllChecks(), std::back_inserter(known), &NamedCheck::name);
      return Fail(ErrorCode::kInvalidArgument, fmt::format("no check is named {}", name),
                  fmt::format("the checks are {}", fmt::join(known, ", ")));
    }
  }
  return {};
}

/// "2 missing (port_a, port_b)", the failing classes only.
std::string TotalsInWords(const CheckResult& check) {
  std::vector<std::string> parts;
  for (const auto& [name, total] : check.totals) {
    std::vector<std::string> ids;
    bool failing = false;
    for (const Discrepancy& discrepancy : check.discrepancies) {
      if (Name(discrepancy.discrepancy_class) == name) {
        failing = IsFailing(discrepancy.discrepancy_class);
        if (ids.size() < kIdsInWords) {
          ids.push_back(discrepancy.id);
        }
      }
    }
    if (failing) {
      parts.push_back(fmt::format("{} {} ({}{})", total, name, fmt::join(ids, ", "),
                                  total > ids.size() ? ", …" : ""));
    }
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

void CheckResult::Add(Discrepancy discrepancy) {
  passed = passed && !IsFailing(discrepancy.discrepancy_class);
  std::uint64_t& total = totals[std::string(Name(discrepancy.discrepancy_class))];
  if (++total <= kNamedMax) {
    discrepancies.push_back(std::move(discrepancy));
  }
}

const std::vector<NamedCheck>& AllChecks() {
  static const std::vector<NamedCheck> kChecks{
      {.name = "backup", .run = &CheckBackup},
      {.name = "counts", .run = &CheckCounts, .in_delta = true},
      {.name = "tenants", .run = &CheckTenants, .in_delta = true},
      {.name = "schema", .run = &CheckSchema, .in_delta = true},
      {.name = "digests", .run = &CheckDigests, .in_delta = true},
      {.name = "orphans", .run = &CheckOrphans, .in_delta = true},
      {.name = "vectors", .run = &CheckVectors, .in_delta = true},
      {.name = "isolation", .run = &CheckIsolation},
      {.name = "retrieval", .run = &CheckRetrieval},
      {.name = "proposals", .run = &CheckProposals},
      {.name = "pointers", .run = &CheckPointers, .in_cutover = false},
      {.name = "audit", .run = &CheckAudit},
  };
  return kChecks;
}

Result<Verification> Verify(CheckContext& context, const std::vector<std::string>& names) {
  REHOME_TRY(RefuseUnknown(names));
  return MakeAll(context, [&](const NamedCheck& check) {
    const bool named = std::ranges::find(names, check.name) != names.end();
    return names.empty() || named;
  });
}

Result<Verification> VerifyDelta(CheckContext& context) {
  return MakeAll(context, [](const NamedCheck& check) { return check.in_delta; });
}

std::string InWords(const Verification& verification) {
  std::string out;
  for (const CheckResult& check : verification.checks) {
    if (check.passed) {
      continue;
    }
    const std::string totals = TotalsInWords(check);
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", check.check,
                       totals.empty()
                           ? fmt::format("expected {}, found {}", check.expected, check.found)
                           : totals);
  }
  return out;
}

}  // namespace rehome

#include "cli/verification_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <ranges>

#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownMax = 20;

Json CheckJson(const CheckResult& check) {
  Json discrepancies = Json::array();
  for (const Discrepancy& one : check.discrepancies) {
    discrepancies.push_back({{"class", Name(one.discrepancy_class)},
                             {"id", one.id},
                             {"field", one.field},
                             {"detail", one.detail}});
    if (const auto age = check.ages.find(one.id); age != check.ages.end()) {
      discrepancies.back()["age_ms"] = age->second.count();
    }
  }
  Json out{{"check", check.check}, {"passed", check.passed},         {"expected", check.expected},
           {"found", check.found}, {"discrepancies", discrepancies}, {"totals", check.totals},
           {"notes", check.notes}};
  if (!check.skipped.empty()) {
    out["skipped"] = check.skipped;
  }
  return out;
}

/// What fails before what only informs: an application that writes changes more than is damaged.
std::vector<Discrepancy> FailingFirst(const CheckResult& check) {
  const auto fails = [](const Discrepancy& one) { return IsFailing(one.discrepancy_class); };
  std::vector<Discrepancy> out;
  std::ranges::copy_if(check.discrepancies, std::back_inserter(out), fails);
  std::ranges::copy_if(check.discrepancies, std::back_inserter(out), std::not_fn(fails));
  return out;
}

std::uint64_t PendingIn(const Verification& verification) {
  std::uint64_t most = 0;  // one change shows in several checks
  for (const CheckResult& check : verification.checks) {
    const auto found = check.totals.find(std::string(Name(DiscrepancyClass::kPending)));
    most = std::max(most, found == check.totals.end() ? 0 : found->second);
  }
  return most;
}

bool OnlyPendingFails(const Verification& verification) {
  return std::ranges::all_of(verification.checks, [](const CheckResult& check) {
    return check.passed || std::ranges::all_of(check.discrepancies, [](const Discrepancy& one) {
             return one.discrepancy_class == DiscrepancyClass::kPending ||
                    !IsFailing(one.discrepancy_class);
           });
  });
}

std::uint64_t TotalOf(const CheckResult& check) {
  std::uint64_t total = 0;
  for (const auto& [of, count] : check.totals) {
    total += count;
  }
  return total;
}

/// What comes of it, and what to do next.
std::string Conclusion(const Verification& verification) {
  const std::uint64_t pending = PendingIn(verification);
  if (!verification.passed && pending > 0 && OnlyPendingFails(verification)) {
    return "What is pending was written to the old side and is not carried yet. Next: rehome run "
           "--online carries it, then verify again.\n";
  }
  if (!verification.passed) {
    return "Verification found what is named above. Next: rehome explain ID shows one datum's "
           "whole way, rehome repair mends what is confirmed.\n";
  }
  if (pending > 0) {
    return fmt::format(
        "Verified, but for {} changes of the old side that the runner at work has still to carry "
        "(rehome run --online, should it be gone).\n",
        pending);
  }
  const bool whole =
      std::ranges::all_of(verification.checks, &std::string::empty, &CheckResult::skipped);
  return whole ? "Verified: everything agrees.\n"
               : "Verified: what was looked at agrees; what was skipped says why.\n";
}

}  // namespace

nlohmann::ordered_json ChecksJson(const Verification& verification) {
  Json checks = Json::array();
  for (const CheckResult& check : verification.checks) {
    checks.push_back(CheckJson(check));
  }
  return checks;
}

void PrintVerification(const Verification& verification, CliEnvironment& environment) {
  TextTable table({{"check"}, {"result"}, {"expected"}, {"found"}});
  for (const CheckResult& check : verification.checks) {
    const std::string result = !check.skipped.empty() ? "skipped"
                               : check.passed         ? "passed"
                                                      : "FAILED";
    table.Add(
        {check.check, result, check.skipped.empty() ? check.expected : check.skipped, check.found});
  }
  environment.out << table.Render();
  for (const CheckResult& check : verification.checks) {
    std::size_t shown = 0;
    for (const Discrepancy& one : FailingFirst(check)) {
      if (shown++ == kShownMax) {
        environment.out << fmt::format("  {}: … {} in all; --json names them\n", check.check,
                                       TotalOf(check));
        break;
      }
      environment.out << Escape(fmt::format(
                             "  {}: {} {}{}{}: {}", check.check, Name(one.discrepancy_class),
                             one.id, one.field.empty() ? "" : ", field ", one.field, one.detail))
                      << "\n";
    }
    for (const std::string& note : check.notes | std::views::take(kShownMax)) {
      environment.out << "  " << check.check << ": " << Escape(note) << "\n";
    }
    if (check.notes.size() > kShownMax) {
      environment.out << fmt::format("  {}: … {} notes in all; --json has them\n", check.check,
                                     check.notes.size());
    }
  }
  environment.out << Conclusion(verification);
}

}  // namespace rehome::cli

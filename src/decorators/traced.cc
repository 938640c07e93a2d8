#include "decorators/traced.h"

#include <fmt/format.h>

#include <algorithm>

namespace rehome {

std::map<std::string, MethodStats, std::less<>> CallTrace::Snapshot() {
  const std::scoped_lock lock(mutex_);
  return methods_;
}

void CallTrace::Record(const Operation& operation, SteadyTime start, const Error* error) {
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.Steady() - start);
  const std::scoped_lock lock(mutex_);
  MethodStats& stats = methods_.try_emplace(std::string(operation.name)).first->second;
  ++stats.calls;
  stats.total += took;
  stats.longest = std::max(stats.longest, took);
  if (error != nullptr) {
    ++stats.errors[error->code];
  } else {
    stats.cost += operation.cost;
  }
}

std::string FormatTrace(const std::map<std::string, MethodStats, std::less<>>& methods) {
  std::string out;
  for (const auto& [name, stats] : methods) {
    out += fmt::format("{} calls={} seconds={:.3f} longest_ms={}", name, stats.calls,
                       std::chrono::duration<double>(stats.total).count(),
                       std::chrono::duration_cast<Millis>(stats.longest).count());
    std::string_view separator = " errors=";
    for (const auto& [code, count] : stats.errors) {
      out += fmt::format("{}{}:{}", separator, Name(code), count);
      separator = ",";
    }
    out += '\n';
  }
  return out;
}

}  // namespace rehome

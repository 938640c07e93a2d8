#pragma once
// conditions.h — the ways in which the real service is hard, switched on by name: for tests of
// programs that must live with them.
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace rehome {

struct PineconeLocalConditions {
  /// A write becomes visible to readers so long after it was acknowledged; the LSN headers say when.
  Millis index_lag{0};
  /// Each "KIND[,KEY=VALUE]…". KIND: an HTTP status (429, 500, 503 …), "slow", "reset" (the
  /// connection breaks in mid-answer, the request took effect) or "drop" (it breaks before the
  /// answer, nothing took effect). Keys: path=PREFIX of the request's path; every=N of the requests
  /// that fit, the last; times=N, then no more; delay=MS; retry_after=SECONDS; effect=1, the
  /// request takes effect although the status says it failed.
  std::vector<std::string> faults{};
  /// The documented requests and records a second, per namespace or index; above them 429.
  bool rate_limits = false;
  /// "TIER[,KEY=VALUE]…". TIER: starter, builder, standard, enterprise or none. Keys lower or raise
  /// one of its bounds: indexes, namespaces, write_units, read_units. Above them 403. Units are
  /// counted from the start of the server.
  std::string quota{};
};

namespace pinecone_local {

enum class FaultKind : std::uint8_t { kStatus, kSlow, kReset, kDrop };

struct Fault {
  FaultKind kind = FaultKind::kStatus;
  int status = 0;
  std::string path{};
  std::uint64_t every = 1;
  std::uint64_t times = 0;  // 0: without end
  Millis delay{0};
  std::string retry_after{};
  bool effect = false;
};

/// 0: no bound.
struct Quota {
  std::uint64_t indexes = 0;
  std::uint64_t namespaces = 0;  // of an index
  std::uint64_t write_units = 0;
  std::uint64_t read_units = 0;
};

/// kInvalidArgument names the word that is not understood.
[[nodiscard]] Result<Fault> ParseFault(std::string_view text);
[[nodiscard]] Result<Quota> ParseQuota(std::string_view text);

}  // namespace pinecone_local
}  // namespace rehome

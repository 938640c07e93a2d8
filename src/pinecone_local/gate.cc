#include "pinecone_local/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "pinecone_local/json_reader.h"

namespace rehome::pinecone_local {
namespace {

enum class Scope : std::uint8_t { kNamespace, kIndex };
enum class Unit : std::uint8_t { kRequests, kRecords, kBytes };

struct Rate {
  Traffic traffic;
  Scope scope;
  Unit unit;
  double per_second;
  std::string_view limit;  // as the refusal names it
  std::string_view pace;   // what it asks to be paced
};

/// The documented rates of serverless indexes, and the service's names for them.
constexpr double kBytesPerSecond = 50e6;
constexpr std::array kRates{
    Rate{Traffic::kUpsert, Scope::kNamespace, Unit::kRequests, 100, "upsert QPS limit",
         "upsert requests"},
    Rate{Traffic::kUpsert, Scope::kNamespace, Unit::kBytes, kBytesPerSecond,
         "max upsert size limit per second", "upserts"},
    Rate{Traffic::kQuery, Scope::kNamespace, Unit::kRequests, 100, "query QPS limit",
         "queries, consider Dedicated Read Nodes for your index,"},
    Rate{Traffic::kUpdate, Scope::kNamespace, Unit::kRequests, 100, "update QPS limit",
         "update requests"},
    Rate{Traffic::kDelete, Scope::kNamespace, Unit::kRequests, 100, "delete QPS limit",
         "delete requests"},
    Rate{Traffic::kDelete, Scope::kNamespace, Unit::kRecords, 5000, "max delete records per second",
         "delete requests"},
    Rate{Traffic::kDelete, Scope::kIndex, Unit::kRecords, 5000, "max delete records per second",
         "delete requests"},
    Rate{Traffic::kUpdateByMetadata, Scope::kNamespace, Unit::kRequests, 5,
         "max update by metadata requests per second", "update by metadata requests"},
    Rate{Traffic::kUpdateByMetadata, Scope::kIndex, Unit::kRequests, 500,
         "max update by metadata requests per second", "update by metadata requests"},
    Rate{Traffic::kDeleteByMetadata, Scope::kNamespace, Unit::kRequests, 5,
         "max delete by metadata requests per second", "delete by metadata requests"},
    Rate{Traffic::kDeleteByMetadata, Scope::kIndex, Unit::kRequests, 500,
         "max delete by metadata requests per second", "delete by metadata requests"},
    Rate{Traffic::kFetchByMetadata, Scope::kNamespace, Unit::kRequests, 5,
         "max fetch by metadata requests per second", "fetch by metadata requests"},
    Rate{Traffic::kFetch, Scope::kIndex, Unit::kRequests, 100, "max fetch requests per second",
         "fetch requests"},
    Rate{Traffic::kList, Scope::kIndex, Unit::kRequests, 200, "max list requests per second",
         "list requests"},
    Rate{Traffic::kStats, Scope::kIndex, Unit::kRequests, 100,
         "max describe_index_stats requests per second", "describe_index_stats requests"},
    Rate{Traffic::kInference, Scope::kIndex, Unit::kRequests, 100,
         "max inference requests per second", "inference requests"},
};

std::string RateRefusal(const Rate& rate, std::string_view whose) {
  const std::string limit =
      rate.limit.ends_with("QPS limit") ? fmt::format(" ({:.0f} QPS)", rate.per_second) : "";
  return fmt::format(
      "Request failed. You've reached the {} for {}{}. Pace your {} or contact Pinecone Support "
      "(https://app.pinecone.io/organizations/-/settings/support/ticket) to request a higher "
      "limit.",
      rate.limit, whose, limit, rate.pace);
}

/// A month's units are over.
std::unexpected<Refusal> OutOfUnits(std::string_view kind, std::uint64_t limit,
                                    std::string_view doing) {
  return Refuse(RefusalKind::kRateLimited,
                fmt::format("Request failed. You've reached your {} unit limit for the current "
                            "month ({}). To continue {} data, upgrade your plan.",
                            kind, limit, doing));
}

bool Writes(Traffic traffic) {
  return traffic == Traffic::kUpsert || traffic == Traffic::kUpdate ||
         traffic == Traffic::kDelete || traffic == Traffic::kUpdateByMetadata ||
         traffic == Traffic::kDeleteByMetadata;
}

bool Reads(Traffic traffic) {
  return traffic == Traffic::kQuery || traffic == Traffic::kFetch ||
         traffic == Traffic::kFetchByMetadata || traffic == Traffic::kList;
}

bool Creates(const Route& route, std::string_view pattern) {
  return route.method == Method::kPost && route.pattern.starts_with(pattern);
}

/// A write costs a unit for each started KB, and five at least.
std::uint64_t WriteUnits(double bytes) {
  constexpr double kBytesPerUnit = 1024;
  constexpr std::uint64_t kUnitsMin = 5;
  return std::max(kUnitsMin, static_cast<std::uint64_t>(bytes / kBytesPerUnit) + 1);
}

std::unexpected<Refusal> OverQuota(std::string message) {
  return Refuse(RefusalKind::kQuota, std::move(message));
}

}  // namespace

Status Gate::Set(const PineconeLocalConditions& conditions) {
  if (conditions.index_lag < Millis{0}) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("an index lag of {} ms is not understood", conditions.index_lag.count()),
        "it is 0 or more milliseconds");
  }
  std::vector<ArmedFault> faults;
  for (const std::string& text : conditions.faults) {
    REHOME_TRY_ASSIGN(Fault fault, ParseFault(text));
    faults.push_back({.fault = std::move(fault)});
  }
  REHOME_TRY_ASSIGN(const Quota quota, ParseQuota(conditions.quota));
  const std::scoped_lock lock(mutex_);
  conditions_ = conditions;
  faults_ = std::move(faults);
  quota_ = quota;
  write_units_ = 0;
  read_units_ = 0;
  buckets_.clear();
  open_ = conditions.faults.empty() && !conditions.rate_limits && conditions.quota.empty();
  return {};
}

PineconeLocalConditions Gate::conditions() const {
  const std::scoped_lock lock(mutex_);
  return conditions_;
}

std::optional<Fault> Gate::Meet(std::string_view path) {
  if (open_) {
    return std::nullopt;
  }
  const std::scoped_lock lock(mutex_);
  for (ArmedFault& armed : faults_) {
    const Fault& fault = armed.fault;
    if (!path.starts_with(fault.path) || (fault.times != 0 && armed.struck == fault.times)) {
      continue;
    }
    if (++armed.seen % fault.every == 0) {
      ++armed.struck;
      return fault;
    }
  }
  return std::nullopt;
}

Refusable<void> Gate::Admit(const Route& route, const ApiRequest& request, const Catalog& catalog,
                            const Index* index) {
  if (open_) {
    return {};
  }
  const Usage usage = UsageOf(route, request);
  const std::scoped_lock lock(mutex_);
  if (conditions_.rate_limits) {
    REHOME_TRY(CheckRates(usage, index == nullptr ? "" : index->config().name));
  }
  return CheckQuota(usage, route, catalog, index);
}

Gate::Usage Gate::UsageOf(const Route& route, const ApiRequest& request) {
  Usage usage{.traffic = route.traffic,
              .ns = request.target.Get("namespace"),
              .records = 1,
              .bytes = static_cast<double>(request.http.body.size())};
  if (!request.parameters.empty()) {
    usage.ns = request.parameters.front();
  }
  // What cannot be read is refused by the operation itself.
  if (const auto body = JsonObject::Parse(request.http.body); body && !request.http.body.empty()) {
    usage.ns = body->String("namespace", usage.ns).value_or(usage.ns);
    if (route.pattern == "/namespaces") {
      usage.ns = body->String("name").value_or("");
    }
    const bool filtered = body->Find("filter").has_value();
    if (filtered && route.traffic == Traffic::kUpdate) {
      usage.traffic = Traffic::kUpdateByMetadata;
    } else if (filtered && route.traffic == Traffic::kDelete) {
      usage.traffic = Traffic::kDeleteByMetadata;
    }
    usage.records =
        static_cast<double>(body->Strings("ids").value_or(std::vector<std::string>{}).size());
  }
  usage.ns = CanonicalNamespace(usage.ns);
  return usage;
}

bool Gate::Take(const std::string& bucket, double amount, double per_second) {
  const SteadyTime now = clock_.Steady();
  auto [at, is_new] = buckets_.try_emplace(bucket, Bucket{.tokens = per_second, .filled = now});
  Bucket& found = at->second;
  const double seconds = std::chrono::duration<double>(now - found.filled).count();
  found.tokens = std::min(per_second, found.tokens + seconds * per_second);
  found.filled = now;
  if (found.tokens < std::min(amount, per_second)) {
    return false;
  }
  found.tokens -= amount;
  return true;
}

Refusable<void> Gate::CheckRates(const Usage& usage, const std::string& index) {
  for (const Rate& rate : kRates) {
    if (rate.traffic != usage.traffic) {
      continue;
    }
    const double amount = rate.unit == Unit::kRequests  ? 1
                          : rate.unit == Unit::kRecords ? usage.records
                                                        : usage.bytes;
    const bool per_namespace = rate.scope == Scope::kNamespace;
    const std::string whose =
        per_namespace ? fmt::format("namespace {}", usage.ns) : fmt::format("index {}", index);
    if (!Take(fmt::format("{}/{}/{}", rate.limit, index, whose), amount, rate.per_second)) {
      return Refuse(RefusalKind::kRateLimited, RateRefusal(rate, whose));
    }
  }
  return {};
}

Refusable<void> Gate::CheckQuota(const Usage& usage, const Route& route, const Catalog& catalog,
                                 const Index* index) {
  if (Creates(route, "/indexes") && quota_.indexes != 0 &&
      catalog.Made().size() >= quota_.indexes) {
    return OverQuota(
        fmt::format("Request failed. You've reached the max serverless indexes allowed in project "
                    "local ({}). Use namespaces to partition your data into logical groups, or "
                    "upgrade your plan to add more indexes.",
                    quota_.indexes));
  }
  const bool may_create = usage.traffic == Traffic::kUpsert || Creates(route, "/namespaces");
  if (index != nullptr && may_create && quota_.namespaces != 0 && !index->Exists(usage.ns) &&
      index->Namespaces().size() >= quota_.namespaces) {
    return OverQuota(
        fmt::format("Request failed. You've reached the max namespaces allowed in serverless index "
                    "{} ({}). To add more namespaces, upgrade your plan.",
                    index->config().name, quota_.namespaces));
  }
  const std::uint64_t written = Writes(usage.traffic) ? WriteUnits(usage.bytes) : 0;
  if (quota_.write_units != 0 && written != 0 && write_units_ + written > quota_.write_units) {
    return OutOfUnits("write", quota_.write_units, "writing");
  }
  const std::uint64_t read = Reads(usage.traffic) ? 1 : 0;
  if (quota_.read_units != 0 && read != 0 && read_units_ + read > quota_.read_units) {
    return OutOfUnits("read", quota_.read_units, "reading");
  }
  write_units_ += written;
  read_units_ += read;
  return {};
}

}  // namespace rehome::pinecone_local

// Whether the index takes what the run will write: by the quotas of Pinecone's plans, and by trying.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>

#include "phases/preflight_look.h"

namespace rehome {
namespace {

/// What a plan of Pinecone allows (docs.pinecone.io); 0: as much as is paid for.
struct Tier {
  std::string_view name;
  double storage_bytes;
  std::uint64_t namespaces;  // an index
  double write_units;        // a month
};
constexpr std::array kTiers{
    Tier{"starter", 2e9, 100, 2e6},
    Tier{"builder", 10e9, 1'000, 5e6},
    Tier{"standard", 0, 100'000, 0},
    Tier{"enterprise", 0, 100'000, 0},
};

struct Need {
  std::uint64_t new_records = 0;
  std::uint64_t records = 0;  // with those that are there
  std::uint64_t namespaces = 0;
  double record_bytes = 0;

  [[nodiscard]] double storage_bytes() const { return static_cast<double>(records) * record_bytes; }
  [[nodiscard]] double write_units() const {
    constexpr double kBytesPerUnit = 1024;
    return static_cast<double>(new_records) * std::ceil(record_bytes / kBytesPerUnit);
  }
  [[nodiscard]] std::string InWords() const {
    return fmt::format(
        "{} vectors will be written, about {:.0f} write units; with what is there "
        "{} records, {:.2f} GB, {} namespaces",
        new_records, write_units(), records, storage_bytes() / 1e9, namespaces);
  }
};

/// What of `need` goes beyond the tier, in words; empty: it fits.
std::string Beyond(const Tier& tier, const Need& need) {
  std::vector<std::string> parts;
  if (tier.storage_bytes > 0 && need.storage_bytes() > tier.storage_bytes) {
    parts.push_back(
        fmt::format("{:.2f} of {:.0f} GB", need.storage_bytes() / 1e9, tier.storage_bytes / 1e9));
  }
  if (need.namespaces > tier.namespaces) {
    parts.push_back(fmt::format("{} of {} namespaces", need.namespaces, tier.namespaces));
  }
  if (tier.write_units > 0 && need.write_units() > tier.write_units) {
    parts.push_back(
        fmt::format("{:.0f} of {:.0f} write units a month", need.write_units(), tier.write_units));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

Result<Need> NeedOf(const Look& look) {
  // Beside the values: the id and metadata of an ordinary item.
  constexpr double kOtherBytes = 1024;
  Need need;
  REHOME_TRY_ASSIGN(need.new_records,
                    look.deps.stores.source_documents->Count(look.plan.items.from, look.call));
  std::set<std::string> namespaces;
  std::uint64_t ours = 0;
  for (const Organization& organization : look.plan.tenants.organizations) {
    namespaces.insert(look.plan.NamespaceOf(organization.org_id).name());
  }
  for (const auto& [name, count] : look.target_index.namespaces) {
    need.records += count;
    ours += namespaces.contains(name) ? count : 0;
  }
  need.records += need.new_records - std::min(ours, need.new_records);
  for (const auto& [name, count] : look.target_index.namespaces) {
    namespaces.insert(name);
  }
  need.namespaces = namespaces.size();
  const int dimension = std::max(look.deps.stores.embedder->Dimension(), 0);
  need.record_bytes = kOtherBytes + static_cast<double>(sizeof(float)) * dimension;
  return need;
}

/// One vector in a namespace of its own: written, seen, removed, gone.
class Canary {
 public:
  Canary(const Look& look, VectorStore& store) : look_(look), store_(store) {
    const ProcessIdentity& self = look.deps.self;
    id_ = fmt::format("canary-{}-{}", self.host, self.pid);
  }

  Status Try() {
    const int dimension = look_.target_index.dimension > 0
                              ? look_.target_index.dimension
                              : look_.deps.stores.embedder->Dimension();
    VectorRecord record{.id = id_,
                        .values = std::vector<float>(static_cast<std::size_t>(dimension), 1.0F),
                        .sparse = {},
                        .metadata = {}};
    REHOME_TRY(store_.Upsert(kNamespace, {&record, 1}, look_.call));
    Status seen = Until(1, "seen");
    if (seen) {
      seen = Listed();
    }
    REHOME_TRY(store_.Delete(kNamespace, {&id_, 1}, look_.call));  // whatever was seen
    REHOME_TRY(seen);
    return Until(0, "gone");
  }

  static constexpr std::string_view kNamespace = "rehome_check";

 private:
  /// Pod indexes take writes and list nothing, whatever they answer to the request.
  Status Listed() {
    const auto page = store_.ListIds(kNamespace, {}, look_.call);
    if (page || page.error().code == ErrorCode::kCancelled) {
      return {};
    }
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the index takes vectors but does not list their ids, so that nothing "
                            "in it can be proved complete: {}",
                            page.error().message),
                "an index on pods lists nothing: create a serverless one and name that in vectors");
  }

  Status Until(std::size_t count, std::string_view what) {
    constexpr int kAttempts = 40;
    constexpr Millis kBetween{500};
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      REHOME_TRY_ASSIGN(const auto found, store_.Fetch(kNamespace, {&id_, 1}, look_.call));
      if (found.size() == count) {
        return {};
      }
      if (!look_.deps.clock.SleepFor(kBetween, look_.call.stop)) {
        return Fail(ErrorCode::kCancelled, "check cancelled");
      }
    }
    return Fail(ErrorCode::kDeadlineExceeded,
                fmt::format("the canary vector {} in namespace {} was not {} within 20 s", id_,
                            kNamespace, what),
                "the index lags far behind its writes: see status.pinecone.io, then check again");
  }

  const Look& look_;
  VectorStore& store_;
  std::string id_;
};

}  // namespace

Status LookAtQuota(Look& look) {
  REHOME_TRY_ASSIGN(const Need need, NeedOf(look));
  if (look.HasEmbeddedIndex()) {
    look.Ok("quota", need.InWords() + "; an embedded index has no quota");
    return {};
  }
  const std::string& tier = look.plan.limits.pinecone_tier;
  if (tier.empty()) {
    const auto* const fits =
        std::ranges::find_if(kTiers, [&](const Tier& one) { return Beyond(one, need).empty(); });
    const std::string name(fits == kTiers.end() ? "larger than any" : fits->name);
    look.Ok("quota", fmt::format("{}: fits the Pinecone plan {}", need.InWords(), name),
            "set limits.pinecone_tier to your Pinecone plan, so that `check` compares with its "
            "quotas");
    return {};
  }
  const auto* const own = std::ranges::find(kTiers, tier, &Tier::name);
  CHECK(own != kTiers.end());
  if (const std::string beyond = Beyond(*own, need); !beyond.empty()) {
    look.Error("quota",
               fmt::format("{}: beyond the Pinecone plan {}: {}", need.InWords(), tier, beyond),
               "upgrade at console.pinecone.io and set limits.pinecone_tier, or move fewer items");
  } else {
    look.Ok("quota", fmt::format("{}: within the Pinecone plan {}", need.InWords(), tier));
  }
  return {};
}

Status LookAtCanary(Look& look) {
  const std::string check = "index writes";
  const bool fits = look.target_index.dimension == 0 ||
                    look.target_index.dimension == look.deps.stores.embedder->Dimension();
  const bool dense =
      look.target_index.vector_type.empty() || look.target_index.vector_type == "dense";
  if (look.deps.canary == nullptr || !fits || !dense) {
    return {};  // the index is the program's own, or refused already
  }
  REHOME_TRY(Canary(look, *look.deps.canary).Try());
  look.Ok(check, fmt::format("a vector was written, seen and removed in the namespace {}",
                             Canary::kNamespace));
  return {};
}

}  // namespace rehome

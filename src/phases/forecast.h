#pragma once
// forecast.h — what a run would do, told before anything is written (`rehome plan`). One scan of
// the source; memory does not grow with the number of documents.
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "mapping/mapping.h"
#include "phases/session.h"
#include "phases/target_holdings.h"

namespace rehome {

struct Forecast {
  struct Tenant {
    std::string org_id;
    std::string profile_id;
    std::string ns;
    std::uint64_t items = 0;
  };
  struct Quarantined {
    std::string id;  // `_id` of the source, relaxed Extended JSON
    QuarantineReason reason = QuarantineReason::kNoTenant;
    std::string detail;
  };
  /// A document that several rules of tenants.assign would take, the default apart.
  struct Ambiguity {
    std::string id;
    std::vector<std::size_t> rules;  // positions in tenants.assign; the first wins
  };
  /// One document before and after.
  struct Sample {
    std::string id;
    std::string tenant_rule;
    std::vector<FieldTrace> fields;
    std::string source;  // relaxed Extended JSON
    // Of an item; empty where the document goes to quarantine:
    std::string item;  // relaxed Extended JSON
    std::string text;
    std::string metadata;  // without the values' stamp where embedding costs money
    std::optional<Quarantined> refused;
  };
  struct PhaseForecast {
    Phase phase = Phase::kPrepare;
    double seconds = 0;
    Counts counts;
  };

  static constexpr std::size_t kQuarantinedMax = 20;
  static constexpr std::size_t kAmbiguitiesMax = 10;
  static constexpr std::size_t kSamplesMax = 3;

  std::uint64_t documents = 0;
  std::uint64_t items = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t vectors = 0;    // one per item whose text can be embedded
  std::vector<Tenant> tenants;  // those of the plan that get items, by org_id and profile_id
  std::map<QuarantineReason, std::uint64_t> reasons;
  std::vector<Quarantined> quarantine;  // the first kQuarantinedMax
  std::vector<LossLedger::Entry> loss;
  std::uint64_t ambiguous = 0;
  std::vector<Ambiguity> ambiguities;  // the first kAmbiguitiesMax
  std::vector<Sample> samples;         // the first kSamplesMax documents
  SetDigest digest;                    // of all items: what phase 2's restore point will say
  /// An item whose text is longer than the model takes, or empty.
  struct Unfit {
    std::string id;    // `_id` of the source, relaxed Extended JSON
    bool cut = false;  // its beginning is embedded; else it goes to quarantine in phase 3
    std::string why;
  };
  static constexpr std::size_t kUnfitMax = 20;
  std::uint64_t texts_cut = 0;
  std::uint64_t texts_refused = 0;
  std::vector<Unfit> unfit;  // the first kUnfitMax

  std::uint64_t tokens = 0;         // of texts that are not in the cache, at most
  std::uint64_t tokens_cached = 0;  // of those that are, and cost nothing
  double cost_usd = 0;
  std::array<PhaseForecast, 5> phases;  // 0 to 4
  double write_pause_seconds = 0;
  TargetHoldings target;

  [[nodiscard]] double seconds() const;  // of all phases
};

/// Reads only, and embeds only what costs nothing. `run`: the latest run of the plan, null if none.
[[nodiscard]] Result<Forecast> MakeForecast(const Plan& plan, const Mapper& mapper,
                                            const Deps& deps, const RunRecord* run);

}  // namespace rehome

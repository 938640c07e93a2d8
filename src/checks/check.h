#pragma once
// check.h — verification (design section 6): one file per check, each a function of the same
// context. A check reads only; what it finds is data. An error means that it could not finish,
// which is not the same as having failed.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "flow/context.h"
#include "journal/run_record.h"
#include "model/discrepancy.h"
#include "ports/chat.h"
#include "ports/event_sink.h"

namespace rehome {

struct CheckResult {
  std::string check;
  bool passed = true;
  std::string
      skipped;  // why it could not be made here; empty: it was made. A skip passes and is named.
  std::string expected;  // in words: "101 items"
  std::string found;
  std::vector<Discrepancy> discrepancies;       // the first kNamedMax of each class
  std::map<std::string, std::uint64_t> totals;  // by class, all of them
  std::vector<std::string> notes;               // information: legacy orphans, statistics that lag
  std::map<std::string, Millis> ages;           // by id: since when a failing one is known to be so

  static constexpr std::size_t kNamedMax = 1000;
  /// Counts it, keeps it while there is room, and fails the check if its class fails one.
  void Add(Discrepancy discrepancy);
};

/// A discrepancy with what is known of its datum: its `_id`, by which a feed may have named it, and
/// the namespace in which a vector stands that should not.
struct Suspect {
  Discrepancy what;
  std::optional<Value> source_id;
  std::string ns = {};
  /// Whether a look at that `_id` alone (CheckContext::only) judges it again.
  bool in_delta = true;
};

/// What a verification that was interrupted leaves for the next one of the same data, and since when
/// a suspect is one.
class CheckProgress {
 public:
  virtual ~CheckProgress() = default;
  struct Clean {
    std::string through;  // up to and with this id; empty: all of the part
    std::uint64_t count = 0;
  };
  /// How far `part` was found without a finding; nothing: look at all of it.
  [[nodiscard]] virtual std::optional<Clean> Find(std::string_view part) const = 0;
  [[nodiscard]] virtual Status Note(std::string_view part, Clean clean) = 0;
  /// What a feed has named since that attempt began: to be looked at in whatever part it is.
  [[nodiscard]] virtual const std::vector<Value>& changed() const = 0;
  /// Now, or when an earlier verification saw it.
  [[nodiscard]] virtual WallTime FirstSeen(std::string_view id) = 0;
};

/// Everything outlives the checks. `flow` is const but for its ledger and quarantine, of which
/// checks only read.
struct CheckContext {
  FlowContext& flow;
  const RunRecord& run;
  Chat* chat = nullptr;                 // absent: none configured
  Embedder* legacy_embedder = nullptr;  // absent: none configured
  EventSink& events;
  std::optional<Phase> phase{};  // that it is part of; absent: of none
  double sample = 1.0;           // share of key ranges looked at, (0, 1]
  /// Which of these source ids a feed has named beyond applied-through: a difference there is
  /// `pending`, not wrong. Absent: no feed to ask.
  std::function<Result<std::vector<bool>>(std::span<const Value> source_ids)> pending;
  /// Whether a pending one fails its check: yes, unless a runner is carrying it.
  bool pending_fails = true;
  /// The plan's pointers, `old_value` being what each says now. Absent: nobody to ask.
  std::function<Result<std::vector<PointerRecord>>()> pointers{};
  /// Delta verification under a fence: only these source ids (and counts, pointers). Absent:
  /// everything.
  std::optional<std::vector<Value>> only;
  std::uint64_t seed = 0;  // of samples
  /// Told every finding that fails its check and has a datum, also those beyond what a result
  /// names. Absent: nobody asks.
  std::function<void(const Suspect&)> on_finding{};
  /// Waits before what failed is judged again on live data (round from 1); false: it stands.
  /// Absent: the first judgement stands.
  std::function<bool(int round)> recheck{};
  CheckProgress* progress = nullptr;  // absent: nothing is kept
  Clock* clock = nullptr;             // absent: nothing has an age
  Call call;
};

using CheckFunction = Result<CheckResult> (*)(CheckContext& context);
struct NamedCheck {
  std::string_view name;
  CheckFunction run;
  /// Part of the verification that a cutover makes: not what judges where the application is.
  bool in_cutover = true;
  /// Cheap enough and meaningful for a delta (CheckContext::only).
  bool in_delta = false;
};
/// In the order in which they are made and printed: backup counts tenants schema digests orphans
/// vectors isolation retrieval proposals pointers audit.
[[nodiscard]] const std::vector<NamedCheck>& AllChecks();

struct Verification {
  bool passed = true;
  std::vector<CheckResult> checks;
};
/// Makes the named checks (none named: all that apply to where the run stands). An unknown name is
/// kInvalidArgument and lists the known ones.
[[nodiscard]] Result<Verification> Verify(CheckContext& context,
                                          const std::vector<std::string>& names);
/// What a delta under the fence must prove: counts, tenants, the digests of `only`, their vectors.
[[nodiscard]] Result<Verification> VerifyDelta(CheckContext& context);

/// The failing checks in one sentence each, for errors and summaries.
[[nodiscard]] std::string InWords(const Verification& verification);

}  // namespace rehome

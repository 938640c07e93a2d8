#include "phases/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "decorators/guarded.h"
#include "decorators/rate_limited.h"
#include "flow/reconcile.h"
#include "journal/audit.h"
#include "model/item.h"
#include "plan/load.h"
#include "plan/stores.h"

namespace rehome {
namespace {

constexpr Millis kPauseMax{1'000};
// A service answers several requests at a time; its rates are kept below (adapters).
constexpr std::size_t kNamespacesAtOnce = 8;

/// "20261123T114902123Z-8f3a": in time order, unique on one target.
std::string NewRunId(Clock& clock, Scheduler* scheduler) {
  std::string time = FormatTime(clock.Now());
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == '.'; });
  constexpr std::size_t kSuffixes = 0x10000;
  return fmt::format(
      "{}-{}", time,
      scheduler == nullptr ? RandomHex(2) : fmt::format("{:04x}", scheduler->Choose(kSuffixes)));
}

/// The lines of two fingerprint texts that differ, as "- old" and "+ new".
std::string Difference(std::string_view journaled, std::string_view file) {
  const auto lines = [](std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      out.push_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
  };
  const auto old_lines = lines(journaled);
  const auto new_lines = lines(file);
  std::string out;
  const auto missing_in = [&out](const auto& from, const auto& in, std::string_view sign) {
    for (const std::string_view line : from) {
      if (std::ranges::find(in, line) == in.end()) {
        out += fmt::format("\n  {} {}", sign, line);
      }
    }
  };
  missing_in(old_lines, new_lines, "journal:");
  missing_in(new_lines, old_lines, "file:   ");
  return out;
}

/// The file's store where it is the run's (its credentials and port are today's), else the run's.
StoreSpec OfRun(StoreSpec journaled, const StoreSpec& file) {
  if (SameStore(journaled, file)) {
    return file;
  }
  journaled.secret = file.secret;
  return journaled;
}
StorePair OfRun(const StorePair& journaled, const StorePair& file) {
  return {.source = OfRun(journaled.source, file.source),
          .target = OfRun(journaled.target, file.target)};
}

/// Which plan governs, and how the file differs from the journal.
struct Governing {
  std::optional<Plan> journaled;  // absent: the file
  std::string difference;
};

/// `fingerprint`: of `file`.
Result<Governing> Govern(const Plan& file, std::string_view fingerprint,
                         const std::optional<RunRecord>& run, PlanRule rule) {
  if (!run || run->fingerprint == fingerprint) {
    return Governing{};
  }
  std::string difference = Difference(run->fingerprint_text, file.FingerprintText());
  if (rule == PlanRule::kMustMatch) {
    if (run->IsOver()) {
      return Governing{.journaled = {}, .difference = std::move(difference)};
    }
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the plan file differs from the plan that run {} started with:{}",
                            run->run_id, difference),
                "put the file back as it was to go on, or `rehome rollback --all` first: a changed "
                "plan starts a new run");
  }
  REHOME_TRY_ASSIGN(Plan journaled, ParseResolved(run->resolved_plan));
  // The journal keeps no secrets, and what the fingerprint leaves out is the file's to say.
  journaled.file = file.file;
  journaled.documents = OfRun(journaled.documents, file.documents);
  journaled.vectors = OfRun(journaled.vectors, file.vectors);
  journaled.index.embedder.api_key = file.index.embedder.api_key;
  journaled.limits = file.limits;
  journaled.log_file = file.log_file;
  journaled.backup = file.backup;
  journaled.retire = file.retire;
  return Governing{.journaled = std::move(journaled), .difference = std::move(difference)};
}

/// The stores, every write of which first asks the lease; documents at the plan's rate. The lease
/// itself uses the store below, so that a renewal never waits behind a batch.
Stores Guarded(const Stores& stores, const LimitsPlan& limits, Lease& lease, Clock& clock) {
  const auto guard =
      std::make_shared<WriteGuard>([&lease](const Call& call) { return lease.Check(call); });
  std::shared_ptr<DocumentStore> target = stores.target_documents;
  if (limits.documents_per_s > 0) {
    target = std::make_shared<RateLimitedDocumentStore>(std::move(target), clock,
                                                        limits.documents_per_s);
  }
  return {
      .source_documents = std::make_shared<GuardedDocumentStore>(stores.source_documents, guard),
      .target_documents = std::make_shared<GuardedDocumentStore>(std::move(target), guard),
      .source_vectors = std::make_shared<GuardedVectorStore>(stores.source_vectors, guard),
      .target_vectors = std::make_shared<GuardedVectorStore>(stores.target_vectors, guard),
      .embedder = stores.embedder,
      .aliases = stores.aliases ? std::make_shared<GuardedNamespaceAliases>(stores.aliases, guard)
                                : nullptr,
      .spend = stores.spend,
      .fresh_embedder = stores.fresh_embedder};
}

}  // namespace

Result<CompiledPlan> CompiledPlan::Compile(Plan plan) {
  auto held = std::make_unique<const Plan>(std::move(plan));
  REHOME_TRY_ASSIGN(Mapper mapper, Mapper::Compile(*held));
  std::string fingerprint = held->Fingerprint();
  std::string text = held->FingerprintText();
  std::string resolved = held->ResolvedJson();
  return CompiledPlan{.plan = std::move(held),
                      .mapper = std::move(mapper),
                      .fingerprint = std::move(fingerprint),
                      .fingerprint_text = std::move(text),
                      .resolved_json = std::move(resolved)};
}

Result<ReadSession> ReadSession::Open(const Plan& plan, PlanRule rule, const Deps& deps) {
  ReadSession out;
  REHOME_TRY_ASSIGN(out.run,
                    LatestRun(*deps.stores.target_documents, plan.name, Call{.stop = deps.stop}));
  REHOME_TRY_ASSIGN(Governing governing, Govern(plan, plan.Fingerprint(), out.run, rule));
  out.plan_difference = std::move(governing.difference);
  REHOME_TRY_ASSIGN(
      out.compiled,
      CompiledPlan::Compile(governing.journaled ? *std::move(governing.journaled) : plan));
  return out;
}

Session::Session(const Deps& deps)
    : deps_(deps),
      call_{.stop = deps.stop, .timeout = kRequestTimeout},
      finishing_call_{.stop = {}, .timeout = kRequestTimeout, .may_repeat = [this]() -> Status {
                        if (!call_.stop.stop_requested()) {
                          return {};
                        }
                        return Fail(ErrorCode::kCancelled,
                                    "stopped: a store that is away is not waited for");
                      }} {}

Session::~Session() {
  if (lease_ == nullptr) {
    return;
  }
  if (const Status released = lease_->Release(); !released) {
    deps_.events.Warn(fmt::format(
        "the lease could not be given back ({}); nothing is lost: the next command on this host "
        "takes it at once, one on another host after {} s without a renewal",
        released.error().message,
        std::chrono::duration_cast<std::chrono::seconds>(kLeaseTimeToLive).count()));
  }
}

Result<std::unique_ptr<Session>> Session::Open(const Plan& plan, PlanRule rule, bool may_create,
                                               const Deps& deps) {
  std::unique_ptr<Session> session(new Session(deps));
  DocumentStore& raw = *deps.stores.target_documents;
  if (!may_create) {  // before the lease: asking after a run that never was leaves no trace
    REHOME_TRY_ASSIGN(const auto latest, LatestRun(raw, plan.name, session->call_));
    if (!latest) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("plan {} has no run in {}: phase 0 (prepare) has not run", plan.name,
                              raw.Identity()),
                  "start one with `rehome run`; `rehome plan` shows first what it would do");
    }
  }
  REHOME_TRY_ASSIGN(session->lease_,
                    Lease::Acquire(raw, plan.name, deps.self, deps.clock, session->call_));
  session->lease_->KeepRenewing(deps.scheduler);
  session->stores_ = Guarded(deps.stores, plan.limits, *session->lease_, deps.clock);
  // Read under the lease: nobody else changes it from here on.
  REHOME_TRY_ASSIGN(auto latest, LatestRun(raw, plan.name, session->call_));
  REHOME_TRY_ASSIGN(
      Governing governing,
      Govern(plan, deps.compiled ? deps.compiled->fingerprint : plan.Fingerprint(), latest, rule));
  session->plan_difference_ = std::move(governing.difference);
  if (deps.compiled && !governing.journaled) {
    session->compiled_ = deps.compiled;
  } else {
    REHOME_TRY_ASSIGN(
        CompiledPlan own,
        CompiledPlan::Compile(governing.journaled ? *std::move(governing.journaled) : plan));
    session->compiled_ = std::make_shared<const CompiledPlan>(std::move(own));
  }
  REHOME_TRY(session->OpenRun(std::move(latest), may_create));
  return session;
}

Status Session::OpenRun(std::optional<RunRecord> latest, bool may_create) {
  const bool over_and_changed = latest && latest->IsOver() && !plan_difference_.empty();
  if (!latest || (over_and_changed && may_create)) {
    REHOME_TRY(Ledger::Prepare(target(), call_));
    REHOME_TRY(Quarantine::Prepare(target(), call_));
    run_.run_id = NewRunId(clock(), deps_.scheduler);
    run_.plan_name = plan().name;
    run_.created_at = clock().Now();
  } else {
    run_ = *std::move(latest);
    run_stands_ = run_.ToDocument();
  }
  if (run_.fingerprint.empty()) {
    run_.fingerprint = compiled_->fingerprint;
    run_.fingerprint_text = compiled_->fingerprint_text;
    run_.resolved_plan = compiled_->resolved_json;
  }
  run_.epoch = lease_->epoch();
  ledger_ = std::make_unique<Ledger>(target(), run_.run_id, run_.epoch);
  quarantine_ = std::make_unique<Quarantine>(target(), run_.run_id);
  saved_ = std::make_unique<Saved>(target(), run_.run_id);
  flow_ = std::make_unique<FlowContext>(FlowContext{
      .plan = plan(),
      .mapper = mapper(),
      .stores = stores_,
      .run = run_,
      .ledger = *ledger_,
      .quarantine = *quarantine_,
      .saved = *saved_,
      .contract_hash = ContractHash(plan(), embedder()),
      .pause =
          [this](int attempt) {
            return clock().SleepFor(std::min(kPauseMax, Millis{5} * attempt * attempt), call_.stop);
          },
      .scheduler = deps_.scheduler,
      .namespaces_at_once = ReadsAhead() ? kNamespacesAtOnce : 1U});
  REHOME_TRY_ASSIGN(left_open_, ledger_->LeftOpen(call_));
  REHOME_TRY(Save());
  return SettleLeftOpen(false);
}

Result<std::vector<bool>> Session::WrittenDocuments(const Ledger::OpenRecord& left) {
  std::vector<Value> ids;
  for (const LedgerEntry& entry : left.entries) {
    ids.push_back(entry.id);
  }
  REHOME_TRY_ASSIGN(const auto found, target().FindByIds(left.target.name, ids, call_));
  std::vector<bool> written(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    written[i] = found[i] ? left.entries[i].after == DocumentDigest(found[i]->view())
                          : !left.entries[i].after;
  }
  return written;
}

Result<std::optional<std::vector<bool>>> Session::WrittenVectors(const Ledger::OpenRecord& left,
                                                                 bool final) {
  std::vector<std::string> ids;
  for (const LedgerEntry& entry : left.entries) {
    ids.emplace_back(entry.id.view().AsString());
  }
  REHOME_TRY_ASSIGN(const auto shown, target_vectors().Fetch(left.target.name, ids, call_));
  // Its item may have moved on or gone before it showed.
  REHOME_TRY(RemoveStrays(*flow_, Plan::JournaledNamespace(left.target.name), ids, call_));
  if (!final && shown.size() < ids.size()) {
    return std::nullopt;  // what does not show yet may be another stray
  }
  REHOME_TRY_ASSIGN(const auto found, target_vectors().Fetch(left.target.name, ids, call_));
  std::vector<bool> written(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto record = std::ranges::find(found, ids[i], &VectorRecord::id);
    written[i] = record == found.end() ? !left.entries[i].after
                                       : left.entries[i].after == VectorDigest(*record);
  }
  return written;
}

Status Session::SettleLeftOpen(bool final) {
  for (std::size_t at = 0; at < left_open_.size();) {
    const Ledger::OpenRecord& left = left_open_[at];
    std::optional<std::vector<bool>> written;
    if (left.target.store == LedgerTarget::Store::kDocuments) {
      REHOME_TRY_ASSIGN(written, WrittenDocuments(left));
    } else {
      REHOME_TRY_ASSIGN(written, WrittenVectors(left, final));
    }
    if (!written) {
      ++at;
      continue;
    }
    REHOME_TRY(ledger_->Close(left, *written, call_));
    std::swap(left_open_[at], left_open_.back());
    left_open_.pop_back();
  }
  return {};
}

Status Session::Save() {
  run_.updated_at = clock().Now();
  return SaveRun(target(), run_, run_stands_, finishing_call_);
}

Status Session::MoveTo(RunState state) {
  CHECK(run_.state == state || IsAllowed(run_.state, state));
  run_.state = state;
  return Save();
}

Status Session::Audit(std::string_view action, std::string_view detail) {
  REHOME_TRY_ASSIGN(
      const AuditHead head,
      AppendAudit(target(), clock(), {.action = action, .detail = detail, .run_id = run_.run_id},
                  {.number = run_.audit_number, .hash = run_.audit_hash}, finishing_call_));
  run_.audit_number = head.number;
  run_.audit_hash = head.hash;
  return Save();
}

}  // namespace rehome

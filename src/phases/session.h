#pragma once
// session.h — one runner at work on one plan: the lease, the run as the journal has it, and the
// stages' context. Every verb that changes something opens one; verbs that only read open a
// ReadSession.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "base/random.h"
#include "flow/context.h"
#include "journal/lease.h"
#include "plan/plan.h"
#include "ports/chat.h"
#include "ports/event_sink.h"

namespace rehome {

/// Stores that come and go with their owner: where a backup is proved, where a rehearsal runs.
struct ScratchStores {
  std::shared_ptr<DocumentStore> documents;
  std::shared_ptr<VectorStore> vectors;
  std::shared_ptr<void> directory;  // removed with the last owner
};

/// A plan with the mapper compiled from it. The mapper refers to the plan, which therefore stays
/// where it is.
struct CompiledPlan {
  std::unique_ptr<const Plan> plan;
  Mapper mapper;
  // What a new run keeps of the plan, and what a journaled one is compared with.
  std::string fingerprint;
  std::string fingerprint_text;
  std::string resolved_json;
  [[nodiscard]] static Result<CompiledPlan> Compile(Plan plan);
};

/// What the composition root gives to the engine. References outlive every session.
struct Deps {
  Stores stores;
  std::shared_ptr<Chat> chat;                 // absent: none configured
  std::shared_ptr<Embedder> legacy_embedder;  // absent: none configured
  /// The target index for the one vector that `check` writes and removes, in a namespace of its
  /// own. Absent: the index is the program's own.
  std::shared_ptr<VectorStore> canary{};
  std::function<Result<ScratchStores>(int dimension, const std::string& metric)> scratch;
  Clock& clock;
  EventSink& events;
  std::stop_token stop;
  ProcessIdentity self;
  /// Runs an argument vector without a shell; the exit status, or an error if it could not start.
  std::function<Result<int>(const std::vector<std::string>& arguments)> run_hook;
  /// The status that GET gives, of `application.maintenance.url`. Absent: no HTTP from here.
  std::function<Result<int>(const std::string& url)> http_status{};
  /// Whether run_hook would find this program, without running it. Absent: not known.
  std::function<bool(const std::string& program)> has_program{};
  /// A simulation's: no thread is started, it decides what happens next. Absent: threads.
  Scheduler* scheduler = nullptr;
  /// The very plan that sessions are opened with, where they share it. Absent: each compiles its own.
  std::shared_ptr<const CompiledPlan> compiled{};
};

/// Which plan governs when the file and the journal differ (invariant 7).
enum class PlanRule : std::uint8_t {
  kMustMatch,     // run, verify, cutover: a differing fingerprint is kFailedPrecondition, the
                  // difference named
  kUseJournaled,  // rollback, revert, retire, status: the journal's; the difference is a note
};

/// The journal as it stands, read only.
struct ReadSession {
  std::optional<CompiledPlan> compiled;  // always set by Open()
  std::optional<RunRecord> run;          // absent: the plan never ran there
  std::string plan_difference;           // empty: file and journal agree

  [[nodiscard]] static Result<ReadSession> Open(const Plan& plan, PlanRule rule, const Deps& deps);
};

class Session {
 public:
  /// Takes the lease and opens the latest run; a plan that never ran, or whose last run is over and
  /// differs, gets a new one if `may_create`. Closes what a dead runner left open in the ledger.
  [[nodiscard]] static Result<std::unique_ptr<Session>> Open(const Plan& plan, PlanRule rule,
                                                             bool may_create, const Deps& deps);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Releases the lease, or warns what becomes of it.
  ~Session();

  [[nodiscard]] const Plan& plan() const { return *compiled_->plan; }
  [[nodiscard]] const Mapper& mapper() const { return compiled_->mapper; }
  [[nodiscard]] DocumentStore& source() { return *stores_.source_documents; }
  [[nodiscard]] DocumentStore& target() { return *stores_.target_documents; }
  [[nodiscard]] VectorStore& source_vectors() { return *stores_.source_vectors; }
  [[nodiscard]] VectorStore& target_vectors() { return *stores_.target_vectors; }
  [[nodiscard]] Embedder& embedder() { return *stores_.embedder; }
  [[nodiscard]] const Stores& stores() const { return stores_; }
  [[nodiscard]] const Deps& deps() const { return deps_; }
  [[nodiscard]] Clock& clock() { return deps_.clock; }
  [[nodiscard]] EventSink& events() { return deps_.events; }
  [[nodiscard]] const Call& call() const { return call_; }
  /// For what is finished although a stop was asked for: the batch under way, the record of how it
  /// ended. Then each call is made once: a store that is away is not waited for.
  [[nodiscard]] const Call& finishing_call() const { return finishing_call_; }
  /// Whether there are threads to read on beside the calling one.
  [[nodiscard]] bool ReadsAhead() const {
    return deps_.scheduler == nullptr && plan().limits.ReadsAhead();
  }
  [[nodiscard]] RunRecord& run() { return run_; }
  [[nodiscard]] FlowContext& flow() { return *flow_; }
  [[nodiscard]] Ledger& ledger() { return *ledger_; }
  [[nodiscard]] Quarantine& quarantine() { return *quarantine_; }
  [[nodiscard]] Saved& saved() { return *saved_; }
  [[nodiscard]] const std::string& plan_difference() const { return plan_difference_; }

  /// While one lives, a stop is not seen: putting things back is not interrupted half way.
  /// Single-threaded parts only.
  class StopMask {
   public:
    explicit StopMask(Session& session)
        : session_(session), stop_(std::exchange(session.call_.stop, {})) {}
    StopMask(const StopMask&) = delete;
    StopMask& operator=(const StopMask&) = delete;
    ~StopMask() { session_.call_.stop = std::move(stop_); }

   private:
    Session& session_;
    std::stop_token stop_;
  };

  /// While one lives, nothing is waited for once `may` refuses. Single-threaded parts only.
  class Patience {
   public:
    Patience(Session& session, std::function<Status()> may)
        : session_(session), before_(std::exchange(session.call_.may_repeat, std::move(may))) {}
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;
    ~Patience() { session_.call_.may_repeat = std::move(before_); }

   private:
    Session& session_;
    std::function<Status()> before_;
  };

  /// Makes the run record durable.
  [[nodiscard]] Status Save();
  /// Moves the run to `state` along the transition table (CHECKed) and saves.
  [[nodiscard]] Status MoveTo(RunState state);
  /// Adds to the audit log, then makes the run record durable with its new head.
  [[nodiscard]] Status Audit(std::string_view action, std::string_view detail);
  /// Judges again what a dead runner had under way; a phase calls it before it ends. `final` false:
  /// a vector that does not show yet stays open, since a store that indexes late may still bring
  /// it.
  [[nodiscard]] Status SettleLeftOpen(bool final = true);

 private:
  explicit Session(const Deps& deps);
  /// Which of a dead runner's writes were made. Of vectors: removes first what shows and has no item
  /// at home there; nothing as long as one does not show that may come yet.
  [[nodiscard]] Result<std::vector<bool>> WrittenDocuments(const Ledger::OpenRecord& left);
  [[nodiscard]] Result<std::optional<std::vector<bool>>> WrittenVectors(
      const Ledger::OpenRecord& left, bool final);
  [[nodiscard]] Status OpenRun(std::optional<RunRecord> latest, bool may_create);

  Deps deps_;
  std::shared_ptr<const CompiledPlan> compiled_;  // set by Open()
  std::unique_ptr<Lease> lease_;
  Stores stores_;  // writes pass the lease's check
  Call call_;
  const Call finishing_call_;
  RunRecord run_;
  std::optional<Document> run_stands_;  // as it was read or saved last
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Quarantine> quarantine_;
  std::unique_ptr<Saved> saved_;
  std::unique_ptr<FlowContext> flow_;
  std::vector<Ledger::OpenRecord> left_open_;
  std::string plan_difference_;
};

}  // namespace rehome

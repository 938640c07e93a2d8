#include "sim/world.h"

#include <fmt/format.h>

#include <utility>

#include "base/atomic_file.h"
#include "decorators/retrying.h"
#include "phases/engine.h"
#include "phases/verification.h"
#include "ports/silent_sink.h"
#include "sim/application.h"
#include "sim/disk.h"
#include "sim/judge.h"
#include "sim/memory_document_store.h"
#include "sim/weather.h"

namespace rehome::sim {
namespace {

constexpr std::uint64_t kDocumentsMax = 30;
constexpr std::chrono::hours kRetentionAndMore{25};

using Verb = std::function<Status(Session&)>;

Status WithoutReport(const Result<RunReport>& report) {
  return report ? Status{} : Status(std::unexpected(report.error()));
}

/// Phase 0 writes its backups to files, which is slow: most worlds go without.
Status SkipPrepare(Session& session) {
  session.run().At(Phase::kPrepare).state = PhaseState::kDone;
  return session.Save();
}

class World {
 public:
  World(const Arena& arena, std::uint64_t seed, Tally& tally)
      : arena_(arena),
        random_(seed),
        tally_(tally),
        timeline_(Random(random_.Next())),
        disk_(arena.disk()),
        compiled_(arena.plan(1 + random_.Below(Arena::kWorkersMax))),
        plan_(*compiled_->plan) {}

  Status Live() {
    REHOME_TRY(Create());
    REHOME_TRY(random_.Below(kPreparedOneIn) == 0 ? Prepare()
                                                  : Once(&SkipPrepare, std::make_shared<Faults>()));
    switch (random_.Below(6)) {
      case 0:
        return MigrateOnly();
      case 1:
        return RollbackInTheMiddle();
      case 2:
        return RevertAfterCutover(false);
      case 3:
        return RevertAfterCutover(true);
      case 4:
        return RollbackAfterCutover();
      default:
        return MoveAndPerhapsRetire();
    }
  }

 private:
  static constexpr std::uint64_t kPreparedOneIn = 16;
  static constexpr std::uint64_t kRetiredOneIn = 8;

  // --- the world ---

  Status Create() {
    REHOME_TRY(disk_.Clear());
    if (arena_.kind().stores) {
      REHOME_TRY_ASSIGN(stores_, arena_.kind().stores(arena_.directory() / "stores", timeline_));
    } else {
      const MemoryDocumentStore::Options options{.identity = "memory:source",
                                                 .has_feed = random_.Below(5) != 0};
      stores_.source_documents = std::make_shared<MemoryDocumentStore>(options);
      stores_.target_documents =
          plan_.documents.same()
              ? stores_.source_documents
              : std::make_shared<MemoryDocumentStore>(MemoryDocumentStore::Options{
                    .identity = "memory:target", .has_feed = options.has_feed});
    }
    vectors_ = std::make_shared<MemoryVectorStore>(
        MemoryVectorStore::Options{.dimension = kDimension,
                                   .metric = plan_.index.metric,
                                   .page_count = 1 + random_.Below(20),
                                   .tells_lsn = random_.Below(3) != 0,
                                   .indexes = [this] { return IndexesNow(); }});
    application_.emplace(*compiled_, arena_.sample(),
                         RawStores{.source = *stores_.source_documents,
                                   .target = *stores_.target_documents,
                                   .vectors = *vectors_},
                         arena_.env_file(), Random(random_.Next()), tally_);
    return application_->MoveIn(SomeDocuments());
  }

  /// Most worlds are small: nearly as much befalls them, and they cost less than half.
  std::uint64_t SomeDocuments() {
    std::uint64_t most = kDocumentsMax;
    for (int draw = 0; draw < 3; ++draw) {
      most = 1 + random_.Below(most);
    }
    return 1 + random_.Below(most);
  }

  /// A vector that is written shows at once or at some later read; in calm, at once.
  bool IndexesNow() {
    if (calm_ || !lags_ || random_.Below(3) == 0) {
      return true;
    }
    ++tally_["reads that lagged behind an upsert"];
    return false;
  }

  // --- what happens in it ---

  Status MigrateOnly() {
    REHOME_TRY(Do("run --through 3", Running(Phase::kVectors)));
    return Rests("migrated", &JudgeMigrated, Phase::kVectors);
  }

  Status RollbackInTheMiddle() {
    const Phase through = random_.Below(2) == 0 ? Phase::kItems : Phase::kVectors;
    REHOME_TRY(Do("run", Running(through)));
    REHOME_TRY(RollBack());
    if (random_.Below(2) == 0) {
      return {};
    }
    return MoveAndPerhapsRetire();
  }

  Status Prepare() {
    application_->RememberMoments();
    REHOME_TRY(Do("run --phase 0", [](Session& session) {
      return WithoutReport(Run(session, {.only = Phase::kPrepare}));
    }));
    ++tally_["backups of phase 0 made and proved"];
    return Judged("prepared", &JudgePrepared);
  }

  Status MoveForGood() {
    REHOME_TRY(Do("run", Running(Phase::kCutover)));
    REHOME_TRY(Write());
    return Rests("cut over", &JudgeCutOver, Phase::kCutover);
  }

  Status RevertAfterCutover(bool again) {
    REHOME_TRY(MoveForGood());
    REHOME_TRY(Do("revert", [](Session& session) { return WithoutReport(Revert(session)); }));
    ++tally_["cutovers reverted"];
    REHOME_TRY(Rests("reverted", &JudgeMigrated, Phase::kVectors));
    return again ? MoveAndPerhapsRetire() : Status{};
  }

  Status MoveAndPerhapsRetire() {
    REHOME_TRY(MoveForGood());
    return random_.Below(kRetiredOneIn) == 0 ? RetireOldSide() : Status{};
  }

  /// Phase 5, to its end or given up in the middle; then it stays so, or is undone.
  Status RetireOldSide() {
    if (random_.Below(3) != 0) {
      application_->WritesStragglers(false);  // who wrote them was found and stopped
    }
    timeline_.Pass(kRetentionAndMore);
    const Verb retire = [](Session& session) { return WithoutReport(Retire(session, {})); };
    const bool given_up = random_.Below(4) == 0;
    if (given_up) {
      REHOME_TRY(InBadWeather("retire", retire));
      ++tally_["retirements given up"];
      REHOME_TRY(RunInstead());
    } else {
      REHOME_TRY(Do("retire", retire, [this] {
        application_->WritesStragglers(false);
        timeline_.Pass(kRetentionAndMore);
      }));
      ++tally_["old sides retired"];
      REHOME_TRY(Judged("retired", &JudgeRetired));
    }
    application_->WritesStragglers(false);
    switch (random_.Below(4)) {
      case 0:
        return given_up ? UndoRetirement() : Status{};
      case 1:
        return UndoRetirement();
      case 2:
        REHOME_TRY(Do("revert", [](Session& session) { return WithoutReport(Revert(session)); }));
        ++tally_["cutovers reverted after retire"];
        return Rests("reverted", &JudgeMigrated, Phase::kVectors);
      default:
        return RollBack();
    }
  }

  /// Where part of the old side is gone, `run --online` refuses, or leaves the new side as it is.
  Status RunInstead() {
    const Status run = Once(Running(Phase::kCutover), std::make_shared<Faults>());
    return run || run.error().code == ErrorCode::kFailedPrecondition
               ? Status{}
               : Fail(ErrorCode::kCheckFailed,
                      fmt::format("`run --online` after an interrupted retire: {}: {}",
                                  Name(run.error().code), run.error().message));
  }

  Status UndoRetirement() {
    REHOME_TRY(Do("rollback --phase 5", [](Session& session) {
      return WithoutReport(Rollback(session, Phase::kRetire));
    }));
    ++tally_["retirements undone"];
    return Rests("retirement undone", &JudgeCutOver, Phase::kCutover);
  }

  Status RollbackAfterCutover() {
    REHOME_TRY(MoveForGood());
    return RollBack();
  }

  Status RollBack() {
    REHOME_TRY(Do("rollback --all",
                  [](Session& session) { return WithoutReport(Rollback(session, std::nullopt)); }));
    ++tally_["runs rolled back"];
    return Judged("rolled back", &JudgeRolledBack);
  }

  static Verb Running(Phase through, bool online = true) {
    return [through, online](Session& session) {
      return WithoutReport(
          Run(session,
              {.only = {}, .through = through, .online = online, .follow = false, .sweep = false}));
    };
  }

  /// The application writes undisturbed.
  Status Write() {
    for (std::uint64_t i = random_.Below(6); i > 0; --i) {
      REHOME_TRY(application_->WriteSomething());
    }
    return {};
  }

  // --- sessions ---

  Deps DepsWith(const std::shared_ptr<Faults>& faults, const ProcessIdentity& self) {
    const auto retries = std::make_shared<RetryPolicy>(timeline_, Random(random_.Next()));
    const auto documents = [&](std::shared_ptr<DocumentStore> store) {
      if (arena_.kind().spoil_documents) {
        store = arena_.kind().spoil_documents(std::move(store));
      }
      return std::make_shared<RetryingDocumentStore>(
          std::make_shared<FaultyDocumentStore>(std::move(store), faults), retries);
    };
    std::shared_ptr<VectorStore> vectors = vectors_;
    if (arena_.kind().spoil_vectors) {
      vectors = arena_.kind().spoil_vectors(std::move(vectors));
    }
    vectors = std::make_shared<RetryingVectorStore>(
        std::make_shared<FaultyVectorStore>(std::move(vectors), faults), retries);
    const auto source = documents(stores_.source_documents);
    return Deps{
        .stores = {.source_documents = source,
                   .target_documents = stores_.source_documents == stores_.target_documents
                                           ? source
                                           : documents(stores_.target_documents),
                   .source_vectors = vectors,
                   .target_vectors = vectors,
                   .embedder = std::make_shared<RetryingEmbedder>(
                       std::make_shared<FaultyEmbedder>(arena_.embedder(), faults), retries)},
        .chat = nullptr,
        .legacy_embedder = nullptr,
        .scratch = [](int dimension, const std::string& metric) -> Result<ScratchStores> {
          return ScratchStores{
              .documents = std::make_shared<MemoryDocumentStore>(),
              .vectors = std::make_shared<MemoryVectorStore>(
                  MemoryVectorStore::Options{.dimension = dimension, .metric = metric}),
              .directory = nullptr};
        },
        .clock = timeline_,
        .events = events_,
        .stop = {},
        .self = self,
        .run_hook = [](const std::vector<std::string>&) -> Result<int> { return 0; },
        .http_status = {},
        .has_program = {},
        .scheduler = &timeline_,
        .compiled = compiled_};
  }

  /// Each session is a process on a host of its own: whether the one before is dead, nobody sees.
  ProcessIdentity NextProcess() {
    return {.host = fmt::format("host {}", ++processes_),
            .boot_id = "simulated",
            .pid_namespace = "simulated",
            .pid = 1,
            .start_time = 1};
  }

  Status Once(const Verb& verb, const std::shared_ptr<Faults>& faults) {
    const Deps deps = DepsWith(faults, NextProcess());
    REHOME_TRY_ASSIGN(const auto session, Session::Open(plan_, PlanRule::kMustMatch, true, deps));
    return verb(*session);
  }

  /// The same; what a process did to the disk after its death did not happen.
  Status OnceToItsDeath(const Verb& verb, const std::shared_ptr<Faults>& faults) {
    Status status = Once(verb, faults);
    REHOME_TRY(disk_.AsAtDeath());
    return status;
  }

  /// The verb in bad weather, again and again; then in calm, where it must come through.
  /// `between`: what the operator does before he tries again in calm.
  Status Do(std::string_view what, const Verb& verb, const std::function<void()>& between = {}) {
    constexpr int kCalmMax = 4;
    REHOME_TRY_ASSIGN(const bool done, InBadWeather(what, verb));
    if (done) {
      return {};
    }
    calm_ = true;
    Status status;
    for (int attempt = 0; attempt < kCalmMax; ++attempt) {
      status = Once(verb, std::make_shared<Faults>());
      if (status) {
        calm_ = false;
        return {};
      }
      if (between) {
        between();
      }
    }
    return Fail(ErrorCode::kCheckFailed,
                fmt::format("`{}` does not heal: {}: {}", what, Name(status.error().code),
                            status.error().message));
  }

  /// Whether it came through.
  Result<bool> InBadWeather(std::string_view what, const Verb& verb) {
    constexpr int kTroubledMax = 4;
    for (auto troubled = random_.Below(kTroubledMax); troubled > 0; --troubled) {
      const Climate climate = Climate::Draw(random_);
      lags_ = random_.Below(2) == 0;
      const auto faults = Weather(climate, random_, timeline_,
                                  {.application_writes = [this] { WriteInBetween(); },
                                   .stands_still = [this, &verb] { StandStill(verb); },
                                   .dies = [this] { disk_.Freeze(); }},
                                  tally_);
      const Status status = OnceToItsDeath(verb, faults);
      REHOME_TRY(std::exchange(trouble_, {}));
      if (status) {
        return true;
      }
      ++tally_["commands that failed and were repeated"];
      REHOME_TRY(RefuseFatal(what, status));
    }
    return false;
  }

  /// Whatever the weather, these are bugs.
  static Status RefuseFatal(std::string_view what, const Status& status) {
    const ErrorCode code = status.error().code;
    if (code != ErrorCode::kInternal && code != ErrorCode::kDataLoss &&
        code != ErrorCode::kInvalidArgument) {
      return {};
    }
    return Fail(ErrorCode::kCheckFailed,
                fmt::format("`{}` failed with {}: {}", what, Name(code), status.error().message));
  }

  void WriteInBetween() {
    if (Status written = application_->WriteSomething(); !written && trouble_) {
      trouble_ = std::move(written);
    }
  }

  /// The process stands still; meanwhile another runner may find its lease stale, take it over and
  /// do the same work.
  void StandStill(const Verb& verb) {
    if (std::exchange(standing_, true)) {
      return;
    }
    const Timeline::Standstill standstill(timeline_);
    constexpr std::uint64_t kSecondsMax = 60;
    timeline_.Pass(std::chrono::seconds{random_.Below(kSecondsMax)});
    if (random_.Below(2) == 0) {
      ++tally_["leases taken over from a runner that stood still"];
      static_cast<void>(Once(verb, std::make_shared<Faults>()));
    } else {
      ++tally_["standstills of a runner"];
    }
    standing_ = false;
  }

  // --- the end ---

  /// In calm, what was written meanwhile is carried; then the world is judged.
  Status Rests(std::string_view how, Status (*judge)(const Evidence&), Phase through) {
    calm_ = true;
    const Status carried = Once(Running(through), std::make_shared<Faults>());
    if (!carried) {
      return Fail(ErrorCode::kCheckFailed,
                  fmt::format("{}: `run --online` fails in calm: {}: {}", how,
                              Name(carried.error().code), carried.error().message));
    }
    REHOME_TRY(Judged(how, judge));
    if (random_.Below(4) == 0) {
      REHOME_TRY(Once(&VerifyAll, std::make_shared<Faults>()));
    }
    calm_ = false;
    return {};
  }

  Status Judged(std::string_view how, Status (*judge)(const Evidence&)) {
    const bool was_calm = std::exchange(calm_, true);
    const Status judged = judge({.compiled = *compiled_,
                                 .sample = arena_.sample(),
                                 .application = *application_,
                                 .source = *stores_.source_documents,
                                 .target = *stores_.target_documents,
                                 .vectors = *vectors_,
                                 .embedder = *arena_.embedder()});
    calm_ = was_calm;
    return judged ? Status{} : Status(std::unexpected(Error(judged.error()).In(how)));
  }

  static Status VerifyAll(Session& session) {
    VerificationScope scope(session);
    REHOME_TRY_ASSIGN(const Verification verification, Verify(scope.context(), {}));
    return verification.passed
               ? Status{}
               : Status(Fail(ErrorCode::kCheckFailed, "verify: " + InWords(verification)));
  }

  const Arena& arena_;
  Random random_;
  Tally& tally_;
  Timeline timeline_;
  Disk disk_;
  const std::shared_ptr<const CompiledPlan> compiled_;
  const Plan& plan_;
  SilentSink events_;
  WorldStores stores_;
  std::shared_ptr<MemoryVectorStore> vectors_;
  std::optional<Application> application_;
  std::int64_t processes_ = 0;
  bool calm_ = true;
  bool lags_ = false;
  bool standing_ = false;
  Status trouble_;  // the application's own stores failed: the simulation is at fault
};

}  // namespace

Status LiveWorld(const Arena& arena, std::uint64_t seed, Tally& tally) {
  ++tally["worlds"];
  return World(arena, seed, tally).Live();
}

}  // namespace rehome::sim

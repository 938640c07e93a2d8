// Stops the world at every port call in turn: before the effect, in the middle of a batch, after
// the effect with the reply lost. A new session on the same stores must come to the very state of
// the run that nobody disturbed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/atomic_file.h"
#include "base/random.h"
#include "checks/check.h"
#include "model/fields.h"
#include "model/item.h"
#include "phases/feeds.h"
#include "phases/repair.h"
#include "phases/replay.h"
#include "phases/verification.h"
#include "tests/crash/world.h"

namespace rehome::testing_support {
namespace {

Status WithoutReport(const Result<RunReport>& report) {
  return report ? Status{} : Status(std::unexpected(report.error()));
}

Status RunAll(Session& session) {
  return WithoutReport(Run(session, {}));
}
Status RunOnline(Session& session) {
  RunRequest request;
  request.online = true;
  return WithoutReport(Run(session, request));
}
Status RunOnlineToVectors(Session& session) {
  RunRequest request;
  request.online = true;
  request.through = Phase::kVectors;
  return WithoutReport(Run(session, request));
}
Status SweepToVectors(Session& session) {
  RunRequest request;
  request.online = true;
  request.sweep = true;
  request.through = Phase::kVectors;
  return WithoutReport(Run(session, request));
}
Status RunToItems(Session& session) {
  RunRequest request;
  request.through = Phase::kItems;
  return WithoutReport(Run(session, request));
}
Status VerifyAll(Session& session) {
  VerificationScope scope(session);
  REHOME_TRY_ASSIGN(const Verification verification, Verify(scope.context(), {}));
  return verification.passed ? Status{}
                             : Status(Fail(ErrorCode::kCheckFailed, InWords(verification)));
}
Status PrepareOnly(Session& session) {
  RunRequest request;
  request.only = Phase::kPrepare;
  return WithoutReport(Run(session, request));
}
Status RollbackAll(Session& session) {
  return WithoutReport(Rollback(session, std::nullopt));
}
template <Phase phase>
Status RollbackFrom(Session& session) {
  return WithoutReport(Rollback(session, phase));
}
Status RevertAll(Session& session) {
  return WithoutReport(Revert(session));
}
Status RetireAll(Session& session) {
  return WithoutReport(Retire(session, {}));
}
Status RepairAll(Session& session) {
  REHOME_TRY_ASSIGN(const Repaired repaired, Repair(session));
  return repaired.verification.passed
             ? Status{}
             : Status(Fail(ErrorCode::kCheckFailed, InWords(repaired.verification)));
}

Status ReplayAll(Session& session) {
  return WithoutReport(ReplayQuarantine(session, {}));
}

/// Where phase 0 is not what is tested: its backups go to a disk, which is slow.
Status SkipPrepare(Session& session) {
  session.run().At(Phase::kPrepare).state = PhaseState::kDone;
  return session.Save();
}

struct Scenario {
  std::string name;
  std::function<void(World&)> prepare;
  World::Verb verb;
  WorldOptions world{};
};

/// Its name stands for it in the list of tests.
void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

std::string Message(const Status& status) {
  return status ? "" : fmt::format("{}: {}", Name(status.error().code), status.error().message);
}

#define ASSERT_DONE(expression)                     \
  do {                                              \
    const Status done = (expression);               \
    ASSERT_TRUE(done.has_value()) << Message(done); \
  } while (false)

void Migrate(World& world) {
  ASSERT_DONE(world.Do(SkipPrepare));
  ASSERT_DONE(world.Do(RunAll));
}

Document WithField(const Document& document, std::string_view key, const Value& value) {
  DocumentBuilder builder;
  for (const auto& [name, old] : document.view()) {
    builder.Append(name, name == key ? value.view() : old);
  }
  return builder.Finish();
}

/// What the application does on the new side: a change that maps back, one that does not, an
/// insert, a delete.
void WriteOnTheNewSide(World& world) {
  const Document first = *world.Find("job_items", Value::Int32(1));
  ASSERT_DONE(world.PutItem(WithField(first, "client", Value::String("renamed"))));
  const Document second = *world.Find("job_items", Value::Int32(2));
  ASSERT_DONE(world.PutItem(WithField(second, "kind", Value::String("not a job"))));
  const Document third = *world.Find("job_items", Value::Int32(4));
  ASSERT_DONE(world.PutItem(WithField(
      WithField(WithField(third, "_id", Value::Int32(100)), "item_id", Value::String("job_n~100")),
      "client", Value::String("new"))));
  ASSERT_DONE(world.Remove("job_items", Value::Int32(5)));
}

void MigrateAndWrite(World& world) {
  Migrate(world);
  WriteOnTheNewSide(world);
}

void MigrateAndWait(World& world) {
  Migrate(world);
  world.clock().Advance(std::chrono::hours{25});
}

void MigrateAndRetire(World& world) {
  MigrateAndWait(world);
  ASSERT_DONE(world.Do(RetireAll));
}

void MigrateAndRetireAndWrite(World& world) {
  MigrateAndRetire(world);
  WriteOnTheNewSide(world);
}

/// Some of each kind that `repair` mends: an item gone, an item of another text, a vector gone.
void MigrateAndDamage(World& world) {
  ASSERT_DONE(world.Do(SkipPrepare));
  ASSERT_DONE(world.Do(RunOnlineToVectors));
  ASSERT_DONE(world.Remove("job_items", Value::Int32(1)));
  const Document second = *world.Find("job_items", Value::Int32(2));
  ASSERT_DONE(world.PutItem(WithField(second, "client", Value::String("spoiled"))));
  const std::string gone = "job_n~4";
  ASSERT_TRUE(world.vectors().Delete("jobs_red", {&gone, 1}, {}).has_value());
}

/// Of four documents that `run` put into quarantine two are mended, one is removed, one stays.
void RunAndMendQuarantined(World& world, const World::Verb& run) {
  for (const int number : {13, 14, 15}) {
    ASSERT_DONE(world.PutSource(Job(number, "stray", "nobody")));
  }
  ASSERT_DONE(world.Do(SkipPrepare));
  ASSERT_DONE(world.Do(run));
  ASSERT_DONE(world.PutSource(Job(12, "mended", "red")));
  ASSERT_DONE(world.PutSource(Job(13, "mended", "blue")));
  ASSERT_DONE(world.Remove("jobs", Value::Int32(14)));
}

class Crash : public ::testing::TestWithParam<Scenario> {
 protected:
  struct Undisturbed {
    WorldState state;
    std::vector<bool> writes;  // of each call
    [[nodiscard]] std::uint64_t calls() const { return writes.size(); }
  };
  static Undisturbed RunUndisturbed(const Scenario& scenario) {
    World world(scenario.world);
    scenario.prepare(world);
    Undisturbed out;
    const Status done =
        world.Do(scenario.verb, std::make_shared<Faults>([&out](const Faults::CallSite& site) {
                   out.writes.push_back(site.writes);
                   return Fault::kNone;
                 }));
    EXPECT_TRUE(done.has_value()) << Message(done);
    out.state = world.State();
    return out;
  }
};

TEST_P(Crash, AtAnyCallIsHealedByTheSameCommand) {
  const Scenario& scenario = GetParam();
  const Undisturbed expected = RunUndisturbed(scenario);
  ASSERT_GT(expected.calls(), 20U);
  int failures = 0;
  for (const Fault fault : {Fault::kDieBefore, Fault::kDieTorn, Fault::kDieAfter}) {
    for (std::uint64_t number = 1; number <= expected.calls() && failures < 5; ++number) {
      if (fault != Fault::kDieBefore && !expected.writes[number - 1]) {
        continue;  // a read has no effect to come before or after
      }
      World world(scenario.world);
      scenario.prepare(world);
      const auto faults = std::make_shared<Faults>(number, fault);
      const Status died = world.Do(scenario.verb, faults);
      const Status resumed = world.Do(scenario.verb);
      const std::string differences =
          resumed ? Differences(expected.state, world.State()) : Message(resumed);
      if (!differences.empty()) {
        ++failures;
        ADD_FAILURE() << "fault " << static_cast<int>(fault) << " at call " << number << " ("
                      << faults->struck_at() << "), died with " << Message(died) << ": "
                      << differences;
      }
    }
  }
}

TEST_P(Crash, DuringTheResumeIsHealedToo) {
  const Scenario& scenario = GetParam();
  const Undisturbed expected = RunUndisturbed(scenario);
  int failures = 0;
  constexpr std::uint64_t kStep = 7;
  constexpr std::uint64_t kSecondStep = 23;
  for (std::uint64_t first = kStep; first <= expected.calls() && failures < 5; first += kStep) {
    for (std::uint64_t second = 1 + first % kSecondStep; second <= expected.calls() && failures < 5;
         second += kSecondStep * 2) {
      World world(scenario.world);
      scenario.prepare(world);
      const Status died =
          world.Do(scenario.verb, std::make_shared<Faults>(first, Fault::kDieBefore));
      const auto faults =
          std::make_shared<Faults>(second, second % 2 == 0 ? Fault::kDieTorn : Fault::kDieAfter);
      const Status died_again = world.Do(scenario.verb, faults);
      const Status resumed = world.Do(scenario.verb);
      const std::string differences =
          resumed ? Differences(expected.state, world.State()) : Message(resumed);
      if (!differences.empty()) {
        ++failures;
        ADD_FAILURE() << "died at " << first << " and at " << second << " (" << faults->struck_at()
                      << "): " << differences;
      }
      if (!faults->struck()) {
        break;  // the resume has fewer calls than that
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, Crash,
    ::testing::Values(
        Scenario{"Run", [](World& world) { ASSERT_DONE(world.Do(SkipPrepare)); }, RunAll},
        Scenario{"RunOnline", [](World& world) { ASSERT_DONE(world.Do(SkipPrepare)); }, RunOnline},
        Scenario{"Prepare", [](World&) {}, PrepareOnly},
        Scenario{"RollbackOfPhase2", MigrateAndWrite, RollbackFrom<Phase::kItems>},
        Scenario{"RollbackOfPhase3", MigrateAndWrite, RollbackFrom<Phase::kVectors>},
        Scenario{"RollbackAll", MigrateAndWrite, RollbackAll},
        Scenario{"Revert", MigrateAndWrite, RevertAll},
        Scenario{"Retire", MigrateAndWait, RetireAll},
        Scenario{"RollbackOfPhase5", MigrateAndRetire, RollbackFrom<Phase::kRetire>},
        Scenario{"RevertAfterRetire", MigrateAndRetireAndWrite, RevertAll},
        Scenario{"RollbackAllAfterRetire", MigrateAndRetireAndWrite, RollbackAll},
        Scenario{"Repair", MigrateAndDamage, RepairAll},
        Scenario{"ReplayBeforeVectors",
                 [](World& world) { RunAndMendQuarantined(world, RunToItems); },
                 ReplayAll,
                 {.quarantine_max = 4}},
        Scenario{"Replay",
                 [](World& world) { RunAndMendQuarantined(world, RunOnlineToVectors); },
                 ReplayAll,
                 {.quarantine_max = 4}}),
    [](const auto& scenario) { return scenario.param.name; });

TEST(Undisturbed, PhaseZeroToFourOnStoresInMemory) {
  World world;
  ASSERT_DONE(world.Do(RunAll));
  const WorldState state = world.State();
  EXPECT_EQ(state.at("run"), "cut_over cut over true cutover complete reverse true");
  EXPECT_TRUE(state.contains("restore point items"));
  EXPECT_EQ(std::ranges::count_if(
                state, [](const auto& entry) { return entry.first.starts_with("job_items "); }),
            11);
  EXPECT_EQ(std::ranges::count_if(
                state, [](const auto& entry) { return entry.first.starts_with("vector jobs_"); }),
            11);
  EXPECT_EQ(std::ranges::count_if(
                state, [](const auto& entry) { return entry.first.starts_with("quarantined "); }),
            1);
}

/// What a retirement removed is not an event to be followed: the items it came from are the
/// application's now.
TEST(Retire, HalfDoneIsNotFollowedByARun) {
  World world;
  MigrateAndWait(world);
  const WorldState migrated = world.State();
  const Status died =
      world.Do(RetireAll, std::make_shared<Faults>([](const Faults::CallSite& site) {
                 return site.name == "drop" ? Fault::kDieAfter : Fault::kNone;
               }));
  ASSERT_FALSE(died.has_value());
  const Status followed = world.Do(RunOnline);
  ASSERT_FALSE(followed.has_value());
  EXPECT_EQ(followed.error().code, ErrorCode::kFailedPrecondition);
  const WorldState now = world.State();
  for (const auto& [what, value] : migrated) {
    if (what.starts_with("job_items ") || what.starts_with("vector jobs_")) {
      EXPECT_TRUE(now.contains(what) && now.at(what) == value) << what;
    }
  }
  ASSERT_DONE(world.Do(RetireAll));
}

TEST(Retire, ACollectionThatIsMadeAnewMeanwhileIsNamed) {
  World world;
  MigrateAndWait(world);
  ASSERT_FALSE(world.Do(RetireAll, std::make_shared<Faults>([](const Faults::CallSite& site) {
                          return site.name == "rename" ? Fault::kDieAfter : Fault::kNone;
                        })));
  ASSERT_DONE(world.PutSource(Job(99, "late", "red")));
  for (const World::Verb& verb :
       {World::Verb(RetireAll), World::Verb(RollbackFrom<Phase::kRetire>)}) {
    const Status refused = world.Do(verb);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  }
  EXPECT_TRUE(world.Find("jobs", Value::String("job 99")).has_value());
}

/// A runner dies before it removes the old side's vectors; one of them is written to before the next
/// runner backs up and removes what is there then.
TEST(Retire, ItsUndoBringsBackTheLastVersion) {
  World world;
  MigrateAndWait(world);
  ASSERT_FALSE(world.Do(RetireAll, std::make_shared<Faults>([](const Faults::CallSite& site) {
                          return site.name == "delete" && site.place == "legacy" ? Fault::kDieBefore
                                                                                 : Fault::kNone;
                        })));
  const VectorRecord changed{.id = "v0",
                             .values = std::vector<float>(16, 0.5F),
                             .sparse = {},
                             .metadata = {{"n", std::string("changed")}}};
  ASSERT_TRUE(world.vectors().Upsert("legacy", {&changed, 1}, {}).has_value());
  const std::string before = world.State().at("vector legacy v0");
  ASSERT_DONE(world.Do(RetireAll));
  ASSERT_FALSE(world.State().contains("vector legacy v0"));
  ASSERT_DONE(world.Do(RollbackFrom<Phase::kRetire>));
  EXPECT_EQ(world.State().at("vector legacy v0"), before);
}

/// While a restored collection is read back the runner stands still; another one takes over and comes
/// to the end, and the application writes again. That is no loss, and this runner's no more to judge.
TEST(Retire, WhatARunnerWithoutItsLeaseFindsIsNotHeldAgainstTheData) {
  World world;
  MigrateAndRetire(world);
  bool taken_over = false;
  const Status lost =
      world.Do(RevertAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                 if (site.name == "find" && site.place == "jobs" && !taken_over) {
                   taken_over = true;
                   world.clock().Advance(std::chrono::minutes{1});
                   EXPECT_TRUE(world.Do(RevertAll).has_value());
                   EXPECT_TRUE(world.PutSource(Job(1, "written since", "red")).has_value());
                 }
                 return Fault::kNone;
               }));
  ASSERT_TRUE(taken_over);
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, ErrorCode::kLeaseHeld) << Message(lost);
}

/// A runner dies behind the delete of the old side's vectors, which the index shows at some read of
/// the undo: whichever it is, they are back at the end.
TEST(Retire, ADeleteThatShowsDuringItsUndoTakesNothing) {
  const auto of_legacy = [](const Faults::CallSite& site, std::string_view name) {
    return site.name == name && site.place == "legacy";
  };
  int shown_at = 0;
  for (bool shown = true; shown;) {
    ++shown_at;
    bool late = false;
    World world({.indexes = [&late] { return !late; }});
    MigrateAndWait(world);
    const std::string before = world.State().at("vector legacy v0");
    ASSERT_FALSE(world.Do(RetireAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                            late = late || of_legacy(site, "delete");
                            return of_legacy(site, "delete") ? Fault::kDieAfter : Fault::kNone;
                          })));
    int reads = 0;
    shown = false;
    ASSERT_DONE(world.Do(RollbackFrom<Phase::kRetire>,
                         std::make_shared<Faults>([&](const Faults::CallSite& site) {
                           reads += of_legacy(site, "fetch") ? 1 : 0;
                           shown = shown || reads == shown_at;
                           late = late && !shown;
                           return Fault::kNone;
                         })));
    late = false;
    const WorldState now = world.State();
    EXPECT_TRUE(now.contains("vector legacy v0") && now.at("vector legacy v0") == before)
        << "shown at read " << shown_at;
  }
  EXPECT_GT(shown_at, 2);
}

/// A runner dies between the first flip and the second on a store without a feed; the application
/// deletes an item where its pointer already leads, and the next runner completes the cutover.
TEST(Cutover, CompletedWithoutAFeedLeavesWhatTheApplicationDidMeanwhile) {
  World world({.workers = 1, .quarantine_max = 1, .has_feed = false});
  ASSERT_DONE(world.Do(SkipPrepare));
  bool flipped = false;
  const Status died = world.Do(RunAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                                 flipped =
                                     flipped || (site.name == "apply" && site.place == "settings");
                                 return flipped ? Fault::kDieBefore : Fault::kNone;
                               }));
  ASSERT_TRUE(flipped);
  ASSERT_FALSE(died.has_value());
  ASSERT_DONE(world.Remove("job_items", Value::Int32(1)));
  const std::string vector = "job_n~1";
  ASSERT_TRUE(world.vectors().Delete("jobs_blue", {&vector, 1}, {}).has_value());
  ASSERT_DONE(world.Do(RunAll));
  EXPECT_FALSE(world.Find("job_items", Value::Int32(1)).has_value());
}

/// Whoever asked for the old side gets there, whatever is called next, and is told so before the run
/// leaves it again.
TEST(Revert, WhicheverCallItDiesAtARunCompletesItAndDoesNothingElse) {
  World undisturbed;
  MigrateAndWrite(undisturbed);
  std::uint64_t calls = 0;
  ASSERT_DONE(
      undisturbed.Do(RevertAll, std::make_shared<Faults>([&calls](const Faults::CallSite& site) {
                       calls = site.number;
                       return Fault::kNone;
                     })));
  const WorldState reverted = undisturbed.State();
  int completed = 0;
  for (std::uint64_t number = 1; number <= calls; ++number) {
    SCOPED_TRACE(number);
    World world;
    MigrateAndWrite(world);
    static_cast<void>(world.Do(RevertAll, std::make_shared<Faults>(number, Fault::kDieBefore)));
    const auto run = LatestRun(world.documents(), world.plan().name, {});
    const bool undoing = (*run)->At(Phase::kCutover).state == PhaseState::kUndoing;
    const Status next = world.Do(number % 2 == 0 ? RunAll : RunOnline);
    EXPECT_FALSE(world.IsFenced("job_items"));
    if (!undoing) {
      continue;  // nothing of it was journaled, or all of it
    }
    ++completed;
    ASSERT_FALSE(next.has_value());
    ASSERT_EQ(next.error().code, ErrorCode::kFailedPrecondition) << Message(next);
    EXPECT_TRUE(next.error().message.contains("the application is on the old side"));
    EXPECT_EQ(Differences(reverted, world.State()), "");
  }
  EXPECT_GT(completed, 30);
}

/// A deploy set another value meanwhile: nothing is moved, and nothing is closed for it.
TEST(Revert, APointerThatSomebodyChangedLeavesTheNewSideOpen) {
  World world;
  Migrate(world);
  const std::filesystem::path env = world.plan().cutover.env_file->path;
  const std::string live = ReadFile(env).value();
  ASSERT_TRUE(WriteFileAtomically(env, "VECTOR_NAMESPACE=theirs\n"));
  const Status refused = world.Do(RevertAll);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(world.IsFenced("job_items"));
  WriteOnTheNewSide(world);
  ASSERT_TRUE(WriteFileAtomically(env, live));
  ASSERT_DONE(world.Do(RevertAll));
  EXPECT_EQ(StringField(world.Find("jobs", Value::Int32(1))->view(), "client"), "renamed");
}

/// The same while it was under way: what it had closed is opened.
TEST(Revert, APointerThatChangesUnderItsFenceOpensTheNewSideAgain) {
  World world;
  Migrate(world);
  const std::filesystem::path env = world.plan().cutover.env_file->path;
  const std::string live = ReadFile(env).value();
  ASSERT_FALSE(world.Do(RevertAll, std::make_shared<Faults>([](const Faults::CallSite& site) {
                          return site.name == "raise_fence" && site.place == "job_items"
                                     ? Fault::kDieAfter
                                     : Fault::kNone;
                        })));
  ASSERT_TRUE(world.IsFenced("job_items"));
  ASSERT_TRUE(WriteFileAtomically(env, "VECTOR_NAMESPACE=theirs\n"));
  ASSERT_FALSE(world.Do(RevertAll));
  EXPECT_FALSE(world.IsFenced("job_items"));
  WriteOnTheNewSide(world);
  ASSERT_TRUE(WriteFileAtomically(env, live));
  ASSERT_DONE(world.Do(RevertAll));
  EXPECT_FALSE(world.IsFenced("job_items"));
  EXPECT_EQ(StringField(world.Find("jobs", Value::Int32(1))->view(), "client"), "renamed");
}

/// The application's own switch may be half thrown when it says that it failed.
TEST(Cutover, AFenceHookThatFailsIsUndoneByItsCounterpart) {
  std::vector<std::string> hooks;
  World world({.hook = [&hooks](const std::string& name) {
    hooks.push_back(name);
    return name == "fence" ? 1 : 0;
  }});
  ASSERT_DONE(world.Do(SkipPrepare));
  const Status failed = world.Do(RunAll);
  ASSERT_FALSE(failed.has_value());
  EXPECT_TRUE(failed.error().message.contains("cutover.hooks.fence")) << Message(failed);
  EXPECT_EQ(hooks, (std::vector<std::string>{"fence", "unfence"}));
  EXPECT_FALSE(world.IsFenced("jobs"));
  const auto run = LatestRun(world.documents(), world.plan().name, {});
  EXPECT_EQ((*run)->state, RunState::kMigrated);
  EXPECT_FALSE((*run)->cutover.has_value());
}

/// Hooks are for writes to the old side: a revert opens it once, and closes the new one without them.
TEST(Revert, RunsTheHooksOfTheOldSideOnce) {
  std::vector<std::string> hooks;
  World world({.hook = [&hooks](const std::string& name) {
    hooks.push_back(name);
    return 0;
  }});
  Migrate(world);
  ASSERT_DONE(world.Do(RevertAll));
  EXPECT_EQ(hooks, (std::vector<std::string>{"fence", "unfence"}));
}

/// A cutover that is cancelled before it flipped anything was never on the new side: what it removed
/// there itself was not deleted by the application.
TEST(Cutover, CancelledUnderItsFenceTakesNothingFromTheOldSide) {
  int cancelled = 0;
  for (std::uint64_t number = 1;; ++number) {
    SCOPED_TRACE(number);
    World world({.quarantine_max = 100});
    ASSERT_DONE(world.Do(SkipPrepare));
    ASSERT_DONE(world.Do(RunOnlineToVectors));
    std::uint64_t since = 0;
    const Status done =
        world.Do(RunAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                   if (site.name == "raise_fence" && since == 0) {
                     // The last write before the fence: a document that no longer maps.
                     EXPECT_TRUE(world.PutSource(Job(4, "client4", "nobody")).has_value());
                     since = 1;
                     return Fault::kNone;
                   }
                   since += since > 0 && site.writes ? 1 : 0;
                   return site.writes && since == number + 1 ? Fault::kRefuse : Fault::kNone;
                 }));
    ASSERT_GT(since, 0U);
    EXPECT_TRUE(world.Find("jobs", Value::Int32(4)).has_value()) << Message(done);
    const auto run = LatestRun(world.documents(), world.plan().name, {});
    EXPECT_EQ(world.IsFenced("jobs"), (*run)->cutover.has_value());
    if (done) {
      break;
    }
    cancelled += (*run)->cutover ? 0 : 1;
  }
  EXPECT_GT(cancelled, 5);
}

/// What vector 2 of the red ones says of its item's client; empty: there is none.
std::string ClientOfVector(World& world) {
  const std::string id = "job_n~2";
  const auto found = world.vectors().Fetch("jobs_red", {&id, 1}, {});
  return found->empty() ? "" : std::get<std::string>(found->front().metadata.at("client"));
}

/// A vector that no embedder of ours made.
void UpsertOwnVector(World& world, const std::string& id, const std::string& client) {
  const VectorRecord own{.id = id,
                         .values = std::vector<float>(16, 0.5F),
                         .sparse = {},
                         .metadata = {{"client", client}}};
  ASSERT_TRUE(world.vectors().Upsert("jobs_red", {&own, 1}, {}).has_value());
}

/// While a straggler's vector is written, or a deleted one's removed, the application changes the item
/// and writes a vector of its own.
void ApplicationIsFaster(World& world) {
  ASSERT_DONE(world.PutItem(
      WithField(*world.Find("job_items", Value::Int32(2)), "client", Value::String("faster"))));
  UpsertOwnVector(world, "job_n~2", "faster");
}

TEST(Straggler, TheVectorFollowsTheItemThatTheApplicationWroteMeanwhile) {
  for (const bool deleted : {false, true}) {
    SCOPED_TRACE(deleted);
    World world;
    Migrate(world);
    // Deletes pass a fence, and writes where there is none.
    ASSERT_TRUE(world.documents().LiftFence("jobs", FenceKind::kTrigger, {}, {}).has_value());
    ASSERT_DONE(deleted ? world.Remove("jobs", Value::Int32(2))
                        : world.PutSource(Job(2, "straggler", "red")));
    bool raced = false;
    ASSERT_DONE(world.Do(RunOnline, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                           const bool now = site.name == (deleted ? "delete" : "upsert") &&
                                            site.place == "jobs_red" && !raced;
                           if (now) {
                             raced = true;
                             ApplicationIsFaster(world);
                           }
                           return Fault::kNone;
                         })));
    ASSERT_TRUE(raced);
    const auto item = world.Find("job_items", Value::Int32(2));
    ASSERT_TRUE(item.has_value());
    EXPECT_EQ(StringField(item->view(), "client"), "faster");
    EXPECT_EQ(ClientOfVector(world), "faster");
    ASSERT_DONE(world.Do(VerifyAll));
  }
}

/// A runner dies behind an upsert that does not show for long, and the document is deleted before the
/// next one looks.
TEST(Online, AVectorThatShowsAfterTheCutoverIsRemovedBeforeIt) {
  bool late = false;
  World world({.indexes = [&late] { return !late; }});
  ASSERT_DONE(world.Do(SkipPrepare));
  ASSERT_DONE(world.Do(RunOnlineToVectors));
  ASSERT_DONE(world.PutSource(Job(16, "new", "red")));
  ASSERT_FALSE(
      world.Do(RunOnlineToVectors, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                 late = late || (site.name == "upsert" && site.place == "jobs_red");
                 return late ? Fault::kDieAfter : Fault::kNone;
               })));
  ASSERT_TRUE(late);
  ASSERT_DONE(world.Remove("jobs", Value::Int32(16)));
  ASSERT_DONE(world.Do(RunOnline, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                         late = late && site.name != "delete";
                         return Fault::kNone;
                       })));
  late = false;
  EXPECT_FALSE(world.State().contains("vector jobs_red job_n~16"));
}

/// A machine is suspended, and its clock does not tell: another runner has cut over meanwhile.
TEST(Runners, OneThatWasOvertakenDoesNotWriteItsRecordOverTheOthers) {
  World world;
  ASSERT_DONE(world.Do(SkipPrepare));
  ASSERT_DONE(world.Do(RunOnlineToVectors));
  Status late;
  ASSERT_DONE(world.Do([&](Session& session) {
    EXPECT_TRUE(world.Do(RunOnline).has_value());
    late = session.Save();
    return Status{};
  }));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kLeaseHeld);
  const auto run = LatestRun(world.documents(), world.plan().name, {});
  EXPECT_TRUE((*run)->IsCutOver());
}

/// The pointers are back and the application writes on the old side; an instance that still reads the
/// old pointer writes on the new one.
void LateWritesAfterARevert(bool has_feed) {
  World world({.has_feed = has_feed});
  Migrate(world);
  int written = 0;
  bool opened = false;
  ASSERT_DONE(world.Do(
      RevertAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
        if (opened && written++ == 0) {
          EXPECT_TRUE(world.PutSource(Job(2, "since", "red")).has_value());
          EXPECT_TRUE(world.PutSource(Job(4, "since", "red")).has_value());
          const Document topics = ArrayBuilder().String("late").Finish();
          EXPECT_TRUE(world.PutItem(WithField(*world.Find("job_items", Value::Int32(2)), "topics",
                                              Value(ValueView(BsonType::kArray, topics.bytes())))));
          EXPECT_TRUE(world.Remove("job_items", Value::Int32(4)).has_value());
        }
        opened = opened || (site.name == "lift_fence" && site.place == "jobs");
        return Fault::kNone;
      })));
  ASSERT_GT(written, 0);
  for (const int number : {2, 4}) {
    const auto legacy = world.Find("jobs", Value::Int32(number));
    ASSERT_TRUE(legacy.has_value()) << number;
    EXPECT_EQ(*legacy, Job(number, "since", "red")) << number;
  }
  Saved saved(world.documents(), (*LatestRun(world.documents(), world.plan().name, {}))->run_id);
  const auto data = saved.List({});
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(
      std::ranges::count_if(
          *data, [](const SavedDatum& one) { return one.json.find("late") != std::string::npos; }),
      1);
  ASSERT_DONE(world.Do(RunOnline));
  EXPECT_EQ(StringField(world.Find("job_items", Value::Int32(2))->view(), "client"), "since");
}

TEST(Revert, ALateWriteOnTheNewSideTakesNothingBackThatTheOldSideHasSince) {
  LateWritesAfterARevert(true);
}

/// Both sides are compared then, and what is left alone differs for as long as it stands.
TEST(Revert, ALateWriteTakesNothingBackWithoutAFeedEither) {
  LateWritesAfterARevert(false);
}

/// A document of the new side that is no item of the run's yet, with a vector of the application's own.
void AddOnTheNewSide(World& world, int number) {
  const std::string item_id = fmt::format("job_n~{}", number);
  Document item = WithField(*world.Find("job_items", Value::Int32(2)), "_id", Value::Int32(number));
  item = WithField(item, "item_id", Value::String(item_id));
  item = WithField(item, "client", Value::String("added"));
  ASSERT_DONE(world.PutItem(item));
  UpsertOwnVector(world, item_id, "added");
}

TEST(Revert, WhatTheApplicationAddedWithAVectorOfItsOwnGoesBackWithIt) {
  for (const bool maps_back : {false, true}) {
    SCOPED_TRACE(maps_back);
    World world({.one_tenant = maps_back});
    Migrate(world);
    AddOnTheNewSide(world, 40);
    ASSERT_DONE(world.Do(RevertAll));
    EXPECT_EQ(world.Find("jobs", Value::Int32(40)).has_value(), maps_back);
    EXPECT_EQ(world.State().contains("vector jobs_red job_n~40"), maps_back);
    ASSERT_DONE(world.Do(VerifyAll));
    ASSERT_DONE(world.Do(RunOnline));
    ASSERT_DONE(world.Do(VerifyAll));
  }
}

/// The application is on the old side again, and nobody has said that the revert is over.
void RevertAndDieOnceTheOldSideIsOpen(World& world) {
  bool opened = false;
  ASSERT_FALSE(world.Do(RevertAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                          const bool die = opened;
                          opened = opened || (site.name == "lift_fence" && site.place == "jobs");
                          return die ? Fault::kDieBefore : Fault::kNone;
                        })));
}

/// The application deletes a document of the old side, and a late instance changes its item.
TEST(Revert, WhatWasDeletedOnTheOldSideSinceStaysSo) {
  World world({.one_tenant = true});
  Migrate(world);
  RevertAndDieOnceTheOldSideIsOpen(world);
  ASSERT_DONE(world.Remove("jobs", Value::Int32(2)));
  ASSERT_DONE(world.PutItem(
      WithField(*world.Find("job_items", Value::Int32(2)), "client", Value::String("late"))));
  ASSERT_DONE(world.Do(RevertAll));
  EXPECT_FALSE(world.Find("jobs", Value::Int32(2)).has_value());
  EXPECT_FALSE(world.Find("job_items", Value::Int32(2)).has_value());
}

/// The application is on the old side already when another runner goes on.
TEST(Revert, TheOldSideIsNotClosedAgainOnceItLeads) {
  World world;
  Migrate(world);
  RevertAndDieOnceTheOldSideIsOpen(world);
  ASSERT_FALSE(world.IsFenced("jobs"));
  for (std::uint64_t number = 1;; ++number) {
    SCOPED_TRACE(number);
    const bool done =
        world
            .Do(RevertAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                  EXPECT_FALSE(site.name == "raise_fence" && site.place == "jobs");
                  return site.writes && site.number == number ? Fault::kRefuse : Fault::kNone;
                }))
            .has_value();
    ASSERT_FALSE(world.IsFenced("jobs"));
    if (done) {
      break;
    }
  }
}

/// The old side is live while what came late on the new one is written back there.
TEST(Revert, AWriteOnTheOldSideMeanwhileDoesNotEndIt) {
  World world({.one_tenant = true});
  Migrate(world);
  bool opened = false;
  bool late = false;
  bool raced = false;
  ASSERT_DONE(world.Do(RevertAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                         if (late && !raced && site.name == "apply" && site.place == "jobs") {
                           raced = true;
                           EXPECT_TRUE(world.PutSource(Job(2, "since", "red")).has_value());
                         }
                         if (opened && !late) {
                           late = true;
                           EXPECT_TRUE(
                               world.PutItem(WithField(*world.Find("job_items", Value::Int32(2)),
                                                       "client", Value::String("late"))));
                         }
                         opened = opened || (site.name == "lift_fence" && site.place == "jobs");
                         return Fault::kNone;
                       })));
  ASSERT_TRUE(raced);
  EXPECT_EQ(*world.Find("jobs", Value::Int32(2)), Job(2, "since", "red"));
}

/// A revert that was refused before it moved anything is not what the next verb completes.
TEST(Revert, OneThatWasRefusedIsOver) {
  World world;
  Migrate(world);
  const std::filesystem::path env = world.plan().cutover.env_file->path;
  const std::string live = ReadFile(env).value();
  ASSERT_TRUE(WriteFileAtomically(env, "VECTOR_NAMESPACE=theirs\n"));
  ASSERT_FALSE(world.Do(RevertAll).has_value());
  ASSERT_TRUE(WriteFileAtomically(env, live));
  ASSERT_DONE(world.Do(RunOnline));
  EXPECT_EQ(ReadFile(env).value(), live);
  world.clock().Advance(std::chrono::hours{25});
  ASSERT_DONE(world.Do(RetireAll));
  ASSERT_DONE(world.Do(RunAll));
  EXPECT_EQ(ReadFile(env).value(), live);
  EXPECT_FALSE(world.Find("jobs", Value::Int32(1)).has_value());
}

/// Nothing was flipped: whoever undoes the run needs the old side for nothing.
TEST(Cutover, OneThatWasPutBackIsNotUndoneOnceMore) {
  World world;
  ASSERT_DONE(world.Do(SkipPrepare));
  ASSERT_FALSE(world.Do(RunAll, std::make_shared<Faults>([](const Faults::CallSite& site) {
                          return site.name == "raise_fence" ? Fault::kRefuse : Fault::kNone;
                        })));
  ASSERT_TRUE(world.documents().DropCollection("jobs", {}).has_value());
  ASSERT_DONE(world.Do(RollbackAll));
}

/// Phase 2 alone, while phase 3 stands half way: what it writes anew behind that place is embedded.
TEST(Online, PhaseTwoAgainReopensAPhaseThreeThatWasCutOff) {
  World world;
  ASSERT_DONE(world.Do(SkipPrepare));
  int upserts = 0;
  ASSERT_FALSE(
      world.Do(RunOnlineToVectors, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                 upserts += site.name == "upsert" ? 1 : 0;
                 return upserts == 3 ? Fault::kDieBefore : Fault::kNone;
               })));
  for (int number = 1; number < 12; ++number) {
    ASSERT_DONE(world.PutSource(Job(number, "rewritten", "red")));
  }
  ASSERT_DONE(world.Do([](Session& session) {
    RunRequest request;
    request.only = Phase::kItems;
    request.online = true;
    return WithoutReport(rehome::Run(session, request));
  }));
  ASSERT_DONE(world.Do(RunOnline));
  ASSERT_DONE(world.Do(VerifyAll));
}

/// The same while no runner is there: one died behind the flip, and the next one knows who leads.
TEST(Revert, TheOldSideLeadsForARunnerThatGoesOnToo) {
  World world;
  Migrate(world);
  RevertAndDieOnceTheOldSideIsOpen(world);
  ASSERT_DONE(world.PutSource(Job(2, "since", "red")));
  const Document topics = ArrayBuilder().String("late").Finish();
  ASSERT_DONE(world.PutItem(WithField(*world.Find("job_items", Value::Int32(2)), "topics",
                                      Value(ValueView(BsonType::kArray, topics.bytes())))));
  ASSERT_DONE(world.Do(RevertAll));
  EXPECT_EQ(*world.Find("jobs", Value::Int32(2)), Job(2, "since", "red"));
}

/// The instance that still writes on the new side does so between the write-back of its document and
/// the moment that the item is taken for carried.
TEST(Revert, AnItemThatChangesWhileItIsWrittenBackIsCarriedAgain) {
  World world;
  Migrate(world);
  const auto write = [&world](std::string_view client) {
    EXPECT_TRUE(world.PutItem(
        WithField(*world.Find("job_items", Value::Int32(2)), "client", Value::String(client))));
  };
  bool opened = false;
  bool written_back = false;
  int written = 0;
  ASSERT_DONE(world.Do(RevertAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                         if ((opened && written == 0) || (written_back && written == 1)) {
                           ++written;
                           write(written == 1 ? "late" : "later");
                         }
                         opened = opened || (site.name == "lift_fence" && site.place == "jobs");
                         written_back = written_back || (written == 1 && site.name == "apply" &&
                                                         site.place == "jobs");
                         return Fault::kNone;
                       })));
  ASSERT_EQ(written, 2);
  EXPECT_EQ(StringField(world.Find("jobs", Value::Int32(2))->view(), "client"), "later");
  EXPECT_TRUE(world.Find("job_items", Value::Int32(2)).has_value());
}

/// Whether a store that lies once, at the first write to `place`, is found out: the run fails, or
/// the state differs.
bool IsFoundOut(std::string_view name, std::string_view place) {
  World honest;
  EXPECT_TRUE(honest.Do(SkipPrepare));
  EXPECT_TRUE(honest.Do(RunAll));
  World world;
  EXPECT_TRUE(world.Do(SkipPrepare));
  bool lied = false;
  const Status done = world.Do(RunAll, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                                 const bool lie = !lied && site.name == name && site.place == place;
                                 lied = lied || lie;
                                 return lie ? Fault::kLie : Fault::kNone;
                               }));
  EXPECT_TRUE(lied) << name << " " << place;
  return !done || !Differences(honest.State(), world.State()).empty();
}

TEST(PlantedBug, AWriteThatIsAcknowledgedAndNotMadeIsFoundOut) {
  EXPECT_TRUE(IsFoundOut("apply", "organizations"));
  EXPECT_TRUE(IsFoundOut("apply", "job_items"));
  EXPECT_TRUE(IsFoundOut("apply", "letters"));
  EXPECT_TRUE(IsFoundOut("apply", "rehome_quarantine"));
  EXPECT_TRUE(IsFoundOut("apply", "settings"));
}

/// Every so many calls the application changes, moves, deletes or inserts a document of the old
/// side.
TEST(Online, WhateverTheApplicationWritesBetweenTwoCallsIsCarried) {
  constexpr std::uint64_t kSeeds = 12;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    World world({.workers = 1, .quarantine_max = 100});
    ASSERT_DONE(world.Do(SkipPrepare));
    Random random(seed);
    int writes = 0;
    const auto write = [&](const Faults::CallSite&) {
      if (random.Below(11) != 0 || writes == 40) {
        return Fault::kNone;
      }
      ++writes;
      const int number = static_cast<int>(random.Below(16)) + 1;
      const Document job = Job(number, fmt::format("client{}", random.Below(1000)),
                               random.Below(3) == 0   ? "red"
                               : random.Below(4) == 0 ? "nobody"
                                                      : "blue");
      // A fence refuses it: then nothing was written.
      static_cast<void>(random.Below(4) == 0 ? world.Remove("jobs", Value(job.Id()))
                                             : world.PutSource(job));
      return Fault::kNone;
    };
    ASSERT_DONE(world.Do(RunOnlineToVectors, std::make_shared<Faults>(write)));
    ASSERT_DONE(world.Do(RunOnline));
    ASSERT_DONE(world.Do(VerifyAll));
    EXPECT_GT(writes, 5);
  }
}

TEST(Online, ASweepThatDiesLosesNothingThatAPositionNamed) {
  bool swept = false;
  std::uint64_t number = 0;
  while (!swept) {
    SCOPED_TRACE(++number);
    World world;
    ASSERT_DONE(world.Do(SkipPrepare));
    ASSERT_DONE(world.Do(RunOnlineToVectors));
    ASSERT_DONE(world.PutSource(Job(2, "written before the sweep", "red")));
    swept =
        world.Do(SweepToVectors, std::make_shared<Faults>(number, Fault::kDieBefore)).has_value();
    ASSERT_DONE(world.Do(RunOnlineToVectors));
    ASSERT_DONE(world.Do(VerifyAll));
  }
  EXPECT_GT(number, 20U);
}

/// Of two documents that move to another tenant one vector is written there when the runner dies,
/// and the index shows it late: by then both have moved back.
TEST(Online, AVectorThatShowsLateIsRemovedAfterItsDocumentMovedBack) {
  bool late = false;
  World world({.indexes = [&late] { return !late; }});
  const auto move = [&](std::string_view team) {
    for (const int number : {1, 5}) {
      ASSERT_DONE(world.PutSource(Job(number, "moving", team)));
    }
  };
  ASSERT_DONE(world.Do(SkipPrepare));
  ASSERT_DONE(world.Do(RunOnlineToVectors));
  move("red");
  ASSERT_FALSE(
      world.Do(RunOnlineToVectors, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                 late = late || (site.name == "upsert" && site.place == "jobs_red");
                 return late ? Fault::kDieTorn : Fault::kNone;
               })));
  move("blue");
  ASSERT_DONE(
      world.Do(RunOnlineToVectors, std::make_shared<Faults>([&](const Faults::CallSite& site) {
                 late = late && site.place != "job_items";  // after the journal was settled
                 return Fault::kNone;
               })));
  ASSERT_FALSE(late);
  ASSERT_DONE(world.Do(RunOnlineToVectors));
  ASSERT_DONE(world.Do(VerifyAll));
  const WorldState state = world.State();
  for (const char* vector : {"job_n~1", "job_n~5"}) {
    EXPECT_TRUE(state.contains(fmt::format("vector jobs_blue {}", vector)));
    EXPECT_FALSE(state.contains(fmt::format("vector jobs_red {}", vector)));
  }
}

/// An offline run beside an application that writes once, as soon as the first items stand there.
class OfflineChange {
 public:
  OfflineChange() { Prepare(); }
  /// Dies at call `number`; 0: never. Then again and again, undisturbed, until it is done.
  void Run(std::uint64_t number, Fault fault) {
    Attempt(std::make_shared<Faults>([this, number, fault](const Faults::CallSite& site) {
      calls_.push_back(site.writes);
      if (site.name == "apply" && site.place == "job_items" && !changed_) {
        changed_ = true;
        EXPECT_TRUE(world_.PutSource(Job(4, "changed", "red")).has_value());
      }
      return site.number == number ? fault : Fault::kNone;
    }));
    for (int attempt = 0; attempt < 4 && !done_; ++attempt) {
      Attempt(std::make_shared<Faults>());
    }
  }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool changed() const { return changed_; }
  /// Whether some attempt said, on the terminal or in the status, that document 4 changed.
  [[nodiscard]] bool named() const { return named_; }
  [[nodiscard]] const std::vector<bool>& calls() const { return calls_; }
  [[nodiscard]] const std::string& said() const { return said_; }

 private:
  void Prepare() { ASSERT_DONE(world_.Do(SkipPrepare)); }
  void Attempt(const std::shared_ptr<Faults>& faults) {
    RunRequest request;
    request.through = Phase::kItems;
    const Status status = world_.Do(
        [&](Session& session) { return WithoutReport(rehome::Run(session, request)); }, faults);
    done_ = status.has_value();
    const auto run = LatestRun(world_.documents(), world_.plan().name, {});
    for (const std::string& said : {Message(status), (*run)->last_error}) {
      named_ = named_ || said.find("changed while phase 2 read them: 4") != std::string::npos;
      said_ += said + "\n";
    }
  }

  World world_;
  std::vector<bool> calls_;  // of the first attempt: whether each writes
  std::string said_;
  bool changed_ = false;
  bool named_ = false;
  bool done_ = false;
};

TEST(Offline, AChangeWhileTheSourceIsReadIsNamedWheneverTheRunnerDies) {
  OfflineChange undisturbed;
  undisturbed.Run(0, Fault::kNone);
  ASSERT_TRUE(undisturbed.done() && undisturbed.named()) << undisturbed.said();
  const std::vector<bool>& writes = undisturbed.calls();
  int after_the_change = 0;
  for (std::uint64_t number = 1; number <= writes.size(); ++number) {
    for (const Fault fault : {Fault::kDieBefore, Fault::kDieAfter}) {
      if (fault == Fault::kDieAfter && !writes[number - 1]) {
        continue;
      }
      OfflineChange one;
      one.Run(number, fault);
      ASSERT_TRUE(one.done()) << "died at call " << number;
      after_the_change += one.changed() ? 1 : 0;
      ASSERT_EQ(one.named(), one.changed()) << "died at call " << number;
    }
  }
  EXPECT_GT(after_the_change, 20);
}

TEST(Undisturbed, RollbackLeavesWhatStoodThereBefore) {
  World world;
  ASSERT_DONE(world.Do(SkipPrepare));
  WorldState before = world.State();
  ASSERT_DONE(world.Do(RunAll));
  ASSERT_DONE(world.Do(RollbackAll));
  WorldState after = world.State();
  before.erase("run");
  after.erase("run");
  EXPECT_EQ(Differences(before, after), "");
}

}  // namespace
}  // namespace rehome::testing_support

#include "phases/verification.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "phases/feeds.h"
#include "phases/pointers.h"

namespace rehome {
namespace {

/// Which items stand, or are not there, as the journal has them: where one of them differs from its
/// source, that was written since.
Result<std::vector<bool>> StandAsLeft(Session& session, std::span<const Value> ids) {
  REHOME_TRY_ASSIGN(const auto items,
                    session.target().FindByIds(session.plan().items.to, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto histories,
                    session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
  std::vector<bool> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const OwnedHistory::Step* last = histories[i].LastDone();
    out.push_back(items[i]
                      ? Judge(histories[i], DocumentDigest(items[i]->view())) == Ownership::kOurs
                      : last == nullptr || !last->after);
  }
  return out;
}

bool IsFenced(const RunRecord& run) {
  return run.cutover && std::ranges::any_of(run.cutover->fences, [](const FenceRecord& fence) {
           return fence.raised && !fence.on_target && fence.kind != FenceKind::kNone;
         });
}

}  // namespace

std::function<bool(int round)> LookAgain(Clock& clock, std::stop_token stop) {
  constexpr Millis kAfter{250};  // a runner carries what a feed named within this time, as a rule
  return [&clock, stop = std::move(stop), kAfter](int round) {
    return clock.SleepFor(kAfter * round, stop);
  };
}

VerificationScope::VerificationScope(Session& session, std::optional<Phase> phase)
    : context_{
          .flow = session.flow(),
          .run = session.run(),
          .chat = session.deps().chat.get(),
          .legacy_embedder = session.deps().legacy_embedder.get(),
          .events = session.events(),
          .phase = phase,
          .sample = 1.0,
          .pending =
              [&session, changes = std::make_shared<PendingChanges>(session.plan(), session.run(),
                                                                    session.stores())](
                  std::span<const Value> ids) { return changes->Among(ids, session.call()); },
          .pending_fails = true,
          .pointers =
              [&session] { return ReadPointers(session.plan(), session.stores(), session.call()); },
          .only = {},
          .seed = session.run().SampleSeed(),
          .call = session.call()} {
  if (session.run().IsCutOver()) {
    context_.recheck = LookAgain(session.clock(), session.call().stop);
  }
}

VerificationScope VerificationScope::OfCutover(Session& session) {
  VerificationScope out(session, Phase::kCutover);
  out.context_.pending_fails = false;
  if (!HasForwardFeed(session.run()) && !IsFenced(session.run())) {
    out.context_.pending = [&session](std::span<const Value> ids) {
      return StandAsLeft(session, ids);
    };
  }
  return out;
}

std::vector<std::string> ChecksBeforeCutover() {
  std::vector<std::string> out;
  for (const NamedCheck& check : AllChecks()) {
    if (check.in_cutover) {
      out.emplace_back(check.name);
    }
  }
  return out;
}

}  // namespace rehome

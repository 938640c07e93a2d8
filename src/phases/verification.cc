#include "phases/verification.h"

#include <memory>

#include "phases/feeds.h"
#include "phases/pointers.h"

namespace rehome {

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
          .call = session.call()} {}

std::vector<std::string> ChecksBeforeCutover() {
  std::vector<std::string> out;
  for (const NamedCheck& check : AllChecks()) {
    if (!check.after_cutover_only) {
      out.emplace_back(check.name);
    }
  }
  return out;
}

}  // namespace rehome

#include "phases/read_scope.h"

#include "phases/feeds.h"
#include "phases/pointers.h"

namespace rehome {

ReadScope::ReadScope(const ReadSession& read, const Deps& deps)
    : deps_(deps),
      run_(read.run.value_or(RunRecord{})),
      call_{.stop = deps.stop, .timeout = kRequestTimeout},
      ledger_(*deps.stores.target_documents, run_.run_id, run_.epoch),
      quarantine_(*deps.stores.target_documents, run_.run_id),
      saved_(*deps.stores.target_documents, run_.run_id),
      flow_{.plan = *read.compiled->plan,
            .mapper = read.compiled->mapper,
            .stores = deps.stores,
            .run = run_,
            .ledger = ledger_,
            .quarantine = quarantine_,
            .saved = saved_,
            .contract_hash = ContractHash(*read.compiled->plan, *deps.stores.embedder),
            .pause = [this](int attempt) {
              return deps_.clock.SleepFor(Millis{5} * attempt, call_.stop);
            }} {}

CheckContext ReadScope::MakeCheckContext(bool runner_is_live) {
  return CheckContext{
      .flow = flow_,
      .run = run_,
      .chat = deps_.chat.get(),
      .legacy_embedder = deps_.legacy_embedder.get(),
      .events = deps_.events,
      .sample = 1.0,
      .pending = [this, changes = std::make_shared<PendingChanges>(flow_.plan, run_, deps_.stores)](
                     std::span<const Value> ids) { return changes->Among(ids, call_); },
      .pending_fails = !runner_is_live,
      .pointers = [this] { return ReadPointers(flow_.plan, deps_.stores, call_); },
      .only = {},
      .seed = run_.SampleSeed(),
      .call = call_};
}

}  // namespace rehome

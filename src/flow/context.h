#pragma once
// context.h — what the stages of the flow work with.
#include <functional>
#include <memory>
#include <string>

#include "base/scheduler.h"
#include "journal/ledger.h"
#include "journal/quarantine.h"
#include "journal/run_record.h"
#include "journal/saved.h"
#include "mapping/mapping.h"
#include "plan/plan.h"
#include "ports/document_store.h"
#include "ports/embedder.h"
#include "ports/namespace_aliases.h"
#include "ports/spend_meter.h"
#include "ports/vector_store.h"

namespace rehome {

/// The stores of a plan as ports. Source and target are one object where the plan names one store.
struct Stores {
  std::shared_ptr<DocumentStore> source_documents;
  std::shared_ptr<DocumentStore> target_documents;
  std::shared_ptr<VectorStore> source_vectors;
  std::shared_ptr<VectorStore> target_vectors;
  std::shared_ptr<Embedder> embedder;
  std::shared_ptr<NamespaceAliases> aliases{};  // of the target index; absent: it has none
  std::shared_ptr<SpendMeter> spend{};          // of the embedder; absent: it costs nothing
  /// The embedder without the cache, for what must be asked anew; absent: there is no cache.
  std::shared_ptr<Embedder> fresh_embedder{};
};

/// Waits before attempt number `attempt` (from 1) of something that becomes true by itself. False:
/// stop waiting.
using Pause = std::function<bool(int attempt)>;

/// Borrowed for the life of a run; everything outlives the stages.
struct FlowContext {
  const Plan& plan;
  const Mapper& mapper;
  const Stores& stores;
  const RunRecord& run;  // namespaces, and whether the application is on the new side
  Ledger& ledger;
  Quarantine& quarantine;
  Saved& saved;
  std::string contract_hash;  // of the plan's embedder
  Pause pause;
  Scheduler* scheduler = nullptr;      // given: phases run on the calling thread, in its order
  std::size_t namespaces_at_once = 1;  // that one batch of vectors is written to; 1: on its thread

  [[nodiscard]] LedgerTarget ItemsTarget() const {
    return {LedgerTarget::Store::kDocuments, plan.items.to};
  }
  /// The namespace of an organization as the run resolved it. kNotFound if the run knows none.
  [[nodiscard]] Result<TenantNamespace> NamespaceOf(std::string_view org_id) const;
};

/// The contract that `embedder`'s vectors have under `plan`.
[[nodiscard]] std::string ContractHash(const Plan& plan, const Embedder& embedder);

}  // namespace rehome

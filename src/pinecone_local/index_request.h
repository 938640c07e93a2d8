#pragma once
// index_request.h — what the control plane's requests ask an index to be, in the shapes of API
// 2026-07 (schema, deployment) and of the versions before it (dimension, metric, spec).
#include "pinecone_local/index_config.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/refusal.h"

namespace rehome::pinecone_local {

[[nodiscard]] Refusable<IndexConfig> ReadCreate(const JsonObject& body);
/// An index that embeds text by itself.
[[nodiscard]] Refusable<IndexConfig> ReadCreateForModel(const JsonObject& body);
/// Changes `config` as a PATCH asks; what cannot be changed is refused.
[[nodiscard]] Refusable<void> ReadConfigure(const JsonObject& body, IndexConfig& config);

}  // namespace rehome::pinecone_local

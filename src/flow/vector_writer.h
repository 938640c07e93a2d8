#pragma once
// vector_writer.h — the vector hops: text → embed → intent → upsert → confirm → mark, and the way
// back.
#include <map>
#include <span>
#include <string>
#include <vector>

#include "flow/context.h"
#include "model/vector_record.h"

namespace rehome {

/// One item with the vector that belongs to it.
struct EmbeddedItem {
  Document item;  // as it was read: the mark compares with exactly this
  VectorRecord record;
  Md5Digest text;
};

struct EmbeddedBatch {
  std::vector<EmbeddedItem> items;
  std::vector<Value> refused;  // items whose text the embedder refuses: to be quarantined
  std::string refusal;         // of the last one
  std::vector<Value> cut;      // items of whose text only the beginning was embedded
  std::uint64_t tokens = 0;
};

/// Renders, embeds and builds the records. A batch that fails as a whole is halved until the one
/// bad text is found; kFailedPrecondition if the embedder refuses a plain text too.
[[nodiscard]] Result<EmbeddedBatch> EmbedItems(const FlowContext& flow, std::vector<Document> items,
                                               const Call& call);

struct VectorsWritten {
  std::uint64_t upserted = 0;
  std::uint64_t marked = 0;
  std::vector<Value> changed;  // items that changed before the mark: embed them again
};

/// Upserts into each item's namespace, confirms, then marks the items. Repeating it changes
/// nothing. kFailedPrecondition if a vector that is not ours stands under one of the ids.
[[nodiscard]] Result<VectorsWritten> WriteVectors(FlowContext& flow,
                                                  std::span<const EmbeddedItem> items,
                                                  const Call& call);

/// The upsert and its confirmation alone, without marks (a re-route marks with the item itself).
[[nodiscard]] Status UpsertConfirmed(FlowContext& flow, std::span<const EmbeddedItem> items,
                                     const Call& call);

[[nodiscard]] std::map<std::string, Md5Digest> DigestsById(std::span<const VectorRecord> records);

/// Waits until reads of `ns` of `store` show no more of `ids`, which the write with `lsn` deleted.
[[nodiscard]] Status ConfirmDeleted(const FlowContext& flow, VectorStore& store,
                                    std::string_view ns, std::span<const std::string> ids,
                                    const std::optional<Lsn>& lsn, const Call& call);

struct VectorsRemoved {
  std::uint64_t removed = 0;
  std::uint64_t saved = 0;           // changed ones: kept in rehome_saved, then removed
  std::vector<std::string> foreign;  // left where they are
};
/// Removes what is ours of `ids` from one namespace and confirms that it is gone; so is what a runner
/// that died may have written and the store does not show yet.
[[nodiscard]] Result<VectorsRemoved> RemoveVectors(FlowContext& flow, const TenantNamespace& ns,
                                                   std::span<const std::string> ids,
                                                   const Call& call);
/// The vectors of `items`, out of the namespaces of the organizations that they name.
[[nodiscard]] Result<VectorsRemoved> RemoveVectorsOf(FlowContext& flow,
                                                     std::span<const Document> items,
                                                     const Call& call);

}  // namespace rehome

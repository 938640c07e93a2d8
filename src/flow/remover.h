#pragma once
// remover.h — undo of document writes: removes what is ours, saves what was changed and then
// removes it, never touches what is foreign; compare-and-set throughout.
#include <string>
#include <vector>

#include "flow/context.h"

namespace rehome {

struct DocumentsRemoved {
  std::uint64_t removed = 0;
  std::uint64_t saved = 0;
  std::uint64_t foreign = 0;  // left where they are
  std::vector<Value> again;   // changed while we looked: judge them anew
};

/// `documents` as they were read from `collection` of the target.
[[nodiscard]] Result<DocumentsRemoved> RemoveOurs(FlowContext& flow, std::string_view collection,
                                                  std::span<const Document> documents,
                                                  std::string_view why, const Call& call);

/// The same for every document of the collection.
[[nodiscard]] Result<DocumentsRemoved> RemoveAllOurs(FlowContext& flow, std::string_view collection,
                                                     std::string_view why, const Call& call);

}  // namespace rehome

#include "ports/document_store.h"

namespace rehome {

bool IsMade(const Write& write, const WriteResult& result) {
  return result.applied() ||
         (write.kind == Write::Kind::kDelete ? !result.found : result.found == write.document);
}

std::string_view Name(FenceKind kind) {
  switch (kind) {
    case FenceKind::kNone:
      return "none";
    case FenceKind::kTrigger:
      return "trigger";
    case FenceKind::kValidator:
      return "validator";
    case FenceKind::kUserWriteBlock:
      return "user_write_block";
  }
  return "none";
}

}  // namespace rehome

#include "cli/wiring_lexical.h"

#include "adapters/hashing/hashing_embedder.h"

namespace rehome::cli {

Result<std::shared_ptr<Embedder>> OpenLexicalEmbedder(int dimension) {
  REHOME_TRY_ASSIGN(auto embedder, HashingEmbedder::Create(dimension));
  return std::shared_ptr<Embedder>(std::move(embedder));
}

}  // namespace rehome::cli

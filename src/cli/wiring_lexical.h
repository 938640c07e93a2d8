#pragma once
// wiring_lexical.h — the hashing embedder alone: what needs no key and no network.
#include <memory>

#include "base/error.h"
#include "ports/embedder.h"

namespace rehome::cli {

[[nodiscard]] Result<std::shared_ptr<Embedder>> OpenLexicalEmbedder(int dimension);

}  // namespace rehome::cli

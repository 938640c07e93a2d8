#pragma once
// error_hints.h — what Pinecone says when it refuses, and what to do next. docs/pinecone.md shows
// the same table. Private to this folder.
#include "adapters/http/api_error.h"

namespace rehome {

[[nodiscard]] ApiService PineconeService();

}  // namespace rehome

#pragma once
// plain_upsert.h — upsert bodies as clients send them, read in one pass and without a tree: most of
// such a body is numbers. What is not of that form, right or wrong, is left to json_reader.h, which
// knows every form and every error; what both read is the same (plain_upsert_test.cc).
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/vector_record.h"

namespace rehome::pinecone_local {

struct UpsertRequest {
  std::string ns;  // as it was sent; empty: it was not
  std::vector<VectorRecord> records;
};

/// {"vectors":[{"id":…,"values":[…],"metadata":{…}},…],"namespace":…} with the members in any order
/// and without escapes in names; nothing for any other body, and for records that break a rule.
[[nodiscard]] std::optional<UpsertRequest> ReadPlainUpsert(std::string_view body);

}  // namespace rehome::pinecone_local

#pragma once
// stored_document.h — documents as they come out of a row. Another program may have written there,
// so the bytes are checked; a quick walk over the structure passes what every ordinary document
// looks like in a tenth of libbson's time, and what it does not pass is left to libbson's
// judgement.
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/document.h"

namespace rehome::sqlite {

/// The document of the row `key`. kDataLoss, with the way past it, if `bytes` are not one well-formed
/// BSON document that has an `_id`.
[[nodiscard]] Result<Document> StoredDocument(std::string_view key, std::string_view bytes);
/// What to do about a damaged row, as a hint; `how` it is taken out stands behind a blank, or is empty.
[[nodiscard]] std::string WayPastRow(std::string_view how);
/// True: well-formed for certain. False: unusual (deep, rare types) or broken.
[[nodiscard]] bool IsPlainBson(std::string_view bytes);

}  // namespace rehome::sqlite

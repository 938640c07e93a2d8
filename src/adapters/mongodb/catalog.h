#pragma once
// catalog.h — collections, their options and indexes.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "adapters/mongodb/server.h"
#include "base/clock.h"
#include "ports/document_store.h"

namespace rehome::mongodb {

[[nodiscard]] Result<std::vector<CollectionInfo>> ListCollections(Server& server, const Call& call);
/// The options of one collection; nothing if it is absent.
[[nodiscard]] Result<std::optional<Document>> OptionsOf(Server& server, std::string_view collection,
                                                        const Call& call);
[[nodiscard]] Status Create(Server& server, std::string_view collection, const Document& options,
                            const Call& call);
[[nodiscard]] Status Drop(Server& server, std::string_view collection, const Call& call);
[[nodiscard]] Status Rename(Server& server, std::string_view from, std::string_view to,
                            const Call& call);
/// Whether an index that does the same under another name will do: a server keeps no two.
enum class OtherName : std::uint8_t { kRefuse, kAccept };
/// Returns when it stands, however long the server builds it.
[[nodiscard]] Status CreateIndex(Server& server, std::string_view collection, const Document& index,
                                 OtherName other_name, Clock& clock, const Call& call);
[[nodiscard]] Status DropIndex(Server& server, std::string_view collection, std::string_view name,
                               const Call& call);
[[nodiscard]] Document IndexDocument(const IndexSpec& index);

}  // namespace rehome::mongodb

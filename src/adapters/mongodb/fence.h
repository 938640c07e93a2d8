#pragma once
// fence.h — closing a collection to the application's writes: a validator that no document passes,
// or the server's own switch for all user writes. Deletes pass a validator; the feed carries them.
#include <string_view>

#include "adapters/mongodb/server.h"
#include "ports/document_store.h"

namespace rehome::mongodb {

/// kValidator where the server can change a collection's validator and the user may; else kNone.
/// Blocking all user writes of a server is never chosen by itself: it would stop everything else
/// there too.
/// `collection`: empty for any one.
[[nodiscard]] Result<FenceKind> PossibleFence(Server& server, std::string_view collection,
                                              const Call& call);
/// Whether the user may write past a validator, as a revert does under its fence.
[[nodiscard]] bool MayPassValidators(Server& server);
/// Whether blocking all user writes of this cluster is possible and stops nobody but users of this
/// database: the server has the switch and users, it is off, this user may use it, and no other
/// database is there.
[[nodiscard]] Result<bool> MayBlockUserWrites(Server& server);
[[nodiscard]] Result<Document> FenceUndo(Server& server, std::string_view collection,
                                         FenceKind kind, const Call& call);
[[nodiscard]] Status RaiseFence(Server& server, std::string_view collection, FenceKind kind,
                                const Call& call);
[[nodiscard]] Status LiftFence(Server& server, std::string_view collection, FenceKind kind,
                               const Document& undo, const Call& call);
[[nodiscard]] Result<bool> IsFenced(Server& server, std::string_view collection, const Call& call);

/// Whether a validation error was caused by the fence. Servers before 5.0 do not tell why a document
/// was refused.
[[nodiscard]] bool NamesFence(DocumentView error);
[[nodiscard]] Error FencedError(std::string_view name);

}  // namespace rehome::mongodb

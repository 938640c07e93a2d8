#pragma once
// namespace_aliases.h — movable names of an index's namespaces, which readers may use in a
// namespace's place. Implementation: adapters/pinecone. All methods may be called from several
// threads and repeated.
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "ports/call.h"

namespace rehome {

class NamespaceAliases {
 public:
  virtual ~NamespaceAliases() = default;
  /// Whether the index has aliases at all.
  [[nodiscard]] virtual Result<bool> Offered(const Call& call) = 0;
  /// The namespace that `alias` leads to; nothing: there is no such alias.
  [[nodiscard]] virtual Result<std::optional<std::string>> Find(std::string_view alias,
                                                                const Call& call) = 0;
  /// From its return on every read through `alias` is answered from the namespace `ns`. An absent
  /// alias is made. kFailedPrecondition: `ns` does not exist or is not ready, or `alias` is a
  /// namespace's own name; the alias then leads where it led.
  [[nodiscard]] virtual Status Point(std::string_view alias, std::string_view ns,
                                     const Call& call) = 0;
  /// An absent one is success. Afterwards reads through it find nothing, without an error.
  [[nodiscard]] virtual Status Remove(std::string_view alias, const Call& call) = 0;
};

}  // namespace rehome

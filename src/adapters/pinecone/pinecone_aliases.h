#pragma once
// pinecone_aliases.h — the namespace aliases port over Pinecone's REST API (from version 2026-07
// on). Private to this folder.
#include "adapters/http/api_client.h"
#include "ports/namespace_aliases.h"

namespace rehome {

class PineconeAliases final : public NamespaceAliases {
 public:
  explicit PineconeAliases(ApiClient api) : api_(std::move(api)) {}

  [[nodiscard]] Result<bool> Offered(const Call& call) override;
  [[nodiscard]] Result<std::optional<std::string>> Find(std::string_view alias,
                                                        const Call& call) override;
  [[nodiscard]] Status Point(std::string_view alias, std::string_view ns,
                             const Call& call) override;
  [[nodiscard]] Status Remove(std::string_view alias, const Call& call) override;

 private:
  const ApiClient api_;
};

}  // namespace rehome

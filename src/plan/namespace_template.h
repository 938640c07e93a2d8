#pragma once
// namespace_template.h — "portfolio_{org.slug}": literal pieces and placeholders.
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace rehome {

struct NamespaceTemplate {
  enum class Piece : std::uint8_t { kLiteral, kSlug, kOrgId };
  struct Part {
    Piece piece = Piece::kLiteral;
    std::string literal;
  };
  std::vector<Part> parts;

  [[nodiscard]] std::string Expand(std::string_view org_id, std::string_view slug) const;
  /// Whether some organization (non-empty org_id and slug) could get this namespace.
  [[nodiscard]] bool Matches(std::string_view ns) const;
};

/// kInvalidArgument: an unknown placeholder or a brace that stands alone.
[[nodiscard]] Result<NamespaceTemplate> ParseNamespaceTemplate(std::string_view text);

/// The names in the braces of a template, in order. kInvalidArgument: a brace that stands alone.
[[nodiscard]] Result<std::vector<std::string>> PlaceholdersOf(std::string_view text);

}  // namespace rehome

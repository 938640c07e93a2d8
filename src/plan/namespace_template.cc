#include "plan/namespace_template.h"

#include <fmt/format.h>

#include <array>

namespace rehome {
namespace {

/// Calls `literal(text)` and `placeholder(name)` for the pieces of "a {b} c".
template <class OnLiteral, class OnPlaceholder>
Status SplitTemplate(std::string_view text, const OnLiteral& literal,
                     const OnPlaceholder& placeholder) {
  while (!text.empty()) {
    const std::size_t open = text.find_first_of("{}");
    if (open != 0) {
      literal(text.substr(0, open));
    }
    if (open == std::string_view::npos) {
      return {};
    }
    const std::size_t close = text.find_first_of("{}", open + 1);
    if (text[open] == '}' || close == std::string_view::npos || text[close] == '{') {
      return Fail(ErrorCode::kInvalidArgument,
                  "a brace stands alone; placeholders are written {name}");
    }
    REHOME_TRY(placeholder(text.substr(open + 1, close - open - 1)));
    text.remove_prefix(close + 1);
  }
  return {};
}

/// Matches `parts` from `at` on against `rest`; a placeholder that was met before must stand for
/// the same text.
bool MatchFrom(const std::vector<NamespaceTemplate::Part>& parts, std::size_t at,
               std::string_view rest, std::array<std::string_view, 3> bound) {
  if (at == parts.size()) {
    return rest.empty();
  }
  const NamespaceTemplate::Part& part = parts[at];
  std::string_view& value = bound.at(static_cast<std::size_t>(part.piece));
  const std::string_view fixed =
      part.piece == NamespaceTemplate::Piece::kLiteral ? part.literal : value;
  if (!fixed.empty()) {
    return rest.starts_with(fixed) && MatchFrom(parts, at + 1, rest.substr(fixed.size()), bound);
  }
  for (std::size_t length = rest.size(); length > 0; --length) {
    value = rest.substr(0, length);
    if (MatchFrom(parts, at + 1, rest.substr(length), bound)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<NamespaceTemplate> ParseNamespaceTemplate(std::string_view text) {
  NamespaceTemplate result;
  REHOME_TRY(SplitTemplate(
      text,
      [&](std::string_view literal) {
        result.parts.push_back({NamespaceTemplate::Piece::kLiteral, std::string(literal)});
      },
      [&](std::string_view name) -> Status {
        if (name != "org.slug" && name != "org.org_id") {
          return Fail(
              ErrorCode::kInvalidArgument,
              fmt::format(
                  "`{{{}}}` is unknown; a namespace is made of {{org.slug}} and {{org.org_id}}",
                  name));
        }
        result.parts.push_back({name == "org.slug" ? NamespaceTemplate::Piece::kSlug
                                                   : NamespaceTemplate::Piece::kOrgId,
                                {}});
        return {};
      }));
  return result;
}

std::string NamespaceTemplate::Expand(std::string_view org_id, std::string_view slug) const {
  std::string out;
  for (const Part& part : parts) {
    switch (part.piece) {
      case Piece::kLiteral:
        out += part.literal;
        break;
      case Piece::kSlug:
        out += slug;
        break;
      case Piece::kOrgId:
        out += org_id;
        break;
    }
  }
  return out;
}

bool NamespaceTemplate::Matches(std::string_view ns) const {
  return MatchFrom(parts, 0, ns, {});
}

Result<std::vector<std::string>> PlaceholdersOf(std::string_view text) {
  std::vector<std::string> names;
  REHOME_TRY(SplitTemplate(
      text, [](std::string_view) {},
      [&](std::string_view name) -> Status {
        names.emplace_back(name);
        return {};
      }));
  return names;
}

}  // namespace rehome

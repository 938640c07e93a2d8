#include <fmt/format.h>

#include <charconv>

#include "plan/plan.h"

namespace rehome {
namespace {

std::unexpected<Error> BadPath(std::string_view text, std::string_view why) {
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("`{}` is not a field path: {}; paths are written a.b, list[0] or [\"a.b\"].c",
                  text, why));
}

/// `"key"]` or `12]` after the opening bracket; moves `rest` behind it. Empty: what is wrong.
Result<std::variant<std::string, std::size_t>> ParseBracket(std::string_view text,
                                                            std::string_view& rest) {
  std::variant<std::string, std::size_t> step;
  if (rest.starts_with('"')) {
    std::string key;
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() != '"') {
      if (rest.front() == '\\') {
        rest.remove_prefix(1);
        if (rest.empty()) {
          break;
        }
      }
      key += rest.front();
      rest.remove_prefix(1);
    }
    if (rest.empty()) {
      return BadPath(text, "a quote is not closed");
    }
    rest.remove_prefix(1);
    step = std::move(key);
  } else {
    std::size_t position = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), position);
    if (error != std::errc{}) {
      return BadPath(text, "brackets hold a position or a quoted key");
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    step = position;
  }
  if (!rest.starts_with(']')) {
    return BadPath(text, "a bracket is not closed");
  }
  rest.remove_prefix(1);
  return step;
}

std::optional<ValueView> ElementAt(DocumentView array, std::size_t position) {
  for (const auto& element : array) {
    if (position-- == 0) {
      return element.value;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<FieldPath> ParseFieldPath(std::string_view text) {
  FieldPath path{.steps = {}, .text = std::string(text)};
  if (text.find('\0') != std::string_view::npos) {
    return BadPath(text, "it holds a NUL");
  }
  for (std::string_view rest = text; !rest.empty() || path.steps.empty();) {
    if (rest.starts_with('[')) {
      rest.remove_prefix(1);
      REHOME_TRY_ASSIGN(auto step, ParseBracket(text, rest));
      path.steps.push_back(std::move(step));
      continue;
    }
    if (!path.steps.empty()) {
      if (!rest.starts_with('.')) {
        return BadPath(text, "a dot or a bracket is missing");
      }
      rest.remove_prefix(1);
    }
    const std::string_view key = rest.substr(0, rest.find_first_of(".[]\""));
    if (key.empty()) {
      return BadPath(text, "a step is empty");
    }
    path.steps.emplace_back(std::string(key));
    rest.remove_prefix(key.size());
  }
  return path;
}

std::optional<ValueView> FieldPath::Find(DocumentView document) const {
  ValueView at(BsonType::kDocument, document.bytes());
  for (const auto& step : steps) {
    std::optional<ValueView> next;
    if (const auto* key = std::get_if<std::string>(&step);
        key != nullptr && at.type() == BsonType::kDocument) {
      next = at.AsDocument().Find(*key);
    } else if (const auto* position = std::get_if<std::size_t>(&step);
               position != nullptr && at.type() == BsonType::kArray) {
      next = ElementAt(at.AsDocument(), *position);
    }
    if (!next) {
      return std::nullopt;
    }
    at = *next;
  }
  return at;
}

}  // namespace rehome

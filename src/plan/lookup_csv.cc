#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_file.h"
#include "model/json_text.h"
#include "plan/sections.h"

namespace rehome {
namespace {

constexpr std::size_t kBytesMax = 8U << 20U;  // the rows stand in the journal's copy of the plan
constexpr int kProblemsMax = 20;              // of one file

/// One CSV record (RFC 4180) from the front of `rest`. Nothing: a quote is not closed or stands in
/// the wrong place.
std::optional<std::vector<std::string>> TakeRecord(std::string_view& rest) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  bool was_quoted = false;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (quoted) {
      if (c == '"' && rest.starts_with('"')) {
        fields.back() += '"';
        rest.remove_prefix(1);
      } else if (c == '"') {
        quoted = false;
      } else {
        fields.back() += c;
      }
    } else if (c == ',') {
      fields.emplace_back();
      was_quoted = false;
    } else if (c == '\n') {
      return fields;
    } else if (c == '"' && fields.back().empty() && !was_quoted) {
      quoted = was_quoted = true;
    } else if (c == '\r' && (rest.empty() || rest.front() == '\n')) {
      continue;
    } else if (c == '"' || was_quoted) {
      return std::nullopt;
    } else {
      fields.back() += c;
    }
  }
  return quoted ? std::nullopt : std::optional(fields);
}

class LookupRows {
 public:
  LookupRows(PlanReader& reader, const PlanNode& node, const std::filesystem::path& file)
      : reader_(reader), node_(node), file_(file) {}

  std::map<std::string, TenantRef, std::less<>> Read(std::string_view rest) {
    rest.remove_prefix(rest.starts_with("\xEF\xBB\xBF") ? 3 : 0);
    const std::optional<std::vector<std::string>> header = TakeRecord(rest);
    if (header != std::vector<std::string>{"key", "org_id", "profile_id"}) {
      Note(1, "the header must be key,org_id,profile_id");
      return {};
    }
    for (int row = 2; !rest.empty() && problems_ < kProblemsMax; ++row) {
      const std::optional<std::vector<std::string>> fields = TakeRecord(rest);
      if (!fields) {
        Note(row, "a quote is not closed, or stands inside a field");
        break;
      }
      if (fields->size() != 1 || !fields->front().empty()) {  // an empty line is no row
        Add(row, *fields);
      }
    }
    return std::move(rows_);
  }
  void Note(int row, std::string_view what) {
    ++problems_;
    reader_.Problem(node_.mark, fmt::format("{}, row {}: {}", file_.string(), row, what));
  }

 private:
  void Add(int row, const std::vector<std::string>& fields) {
    if (fields.size() != 3) {
      Note(row, fmt::format("{} fields instead of 3", fields.size()));
    } else if (fields[0].empty() || fields[1].empty() || fields[2].empty()) {
      Note(row, "key, org_id and profile_id must not be empty");
    } else if (!std::ranges::all_of(fields, IsUtf8)) {
      Note(row, "is no UTF-8: save the file in that encoding");
    } else if (!rows_.emplace(fields[0], TenantRef{fields[1], fields[2]}).second) {
      Note(row, fmt::format("the key `{}` stands in a row above", fields[0]));
    }
  }

  PlanReader& reader_;
  const PlanNode& node_;
  const std::filesystem::path& file_;
  std::map<std::string, TenantRef, std::less<>> rows_;
  int problems_ = 0;
};

}  // namespace

std::map<std::string, TenantRef, std::less<>> ReadLookupFile(PlanReader& reader,
                                                             const PlanNode& node,
                                                             const std::filesystem::path& file) {
  const Result<std::string> text = ReadFile(file, kBytesMax);
  if (!text) {
    reader.ProblemAt(node, "file", fmt::format("cannot be read: {}", text.error().message));
    return {};
  }
  return LookupRows(reader, node, file).Read(*text);
}

}  // namespace rehome

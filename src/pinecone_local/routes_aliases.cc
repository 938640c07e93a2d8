// routes_aliases.cc — namespace aliases (API 2026-07): second names that readers use and that move
// in one step. Every refusal carries the API's machine-readable reason.
#include <fmt/format.h>

#include <algorithm>

#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::string_view kFirstVersion = "2026-07";
constexpr std::int64_t kAliasesListedMax = 100;
constexpr std::size_t kNameBytesMax = 512;

std::unexpected<Refusal> RefuseAlias(ErrorCode code, std::string_view reason, std::string message,
                                     std::string target = {}) {
  Refusal refusal(Error{code, std::move(message), {}});
  refusal.reason = reason;
  refusal.target = std::move(target);
  return std::unexpected(std::move(refusal));
}

Refusable<void> CheckVersion(const ApiRequest& request) {
  const std::string& version = request.http.api_version;
  if (!version.empty() && version < kFirstVersion) {
    return RefuseAlias(ErrorCode::kInvalidArgument, "API_VERSION_TOO_OLD",
                       fmt::format("Namespace aliases need API version {} or later, got {}",
                                   kFirstVersion, version));
  }
  return {};
}

Refusable<void> CheckName(std::string_view name) {
  constexpr std::string_view kForbidden = " /?#%&=\\;+";
  const auto allowed = [&](char c) { return c > ' ' && c <= '~' && !kForbidden.contains(c); };
  if (name.empty() || name.size() > kNameBytesMax || !std::ranges::all_of(name, allowed) ||
      name == kDefaultNamespace || name == "." || name == "..") {
    return RefuseAlias(ErrorCode::kInvalidArgument, "ALIAS_NAME_INVALID",
                       fmt::format("An alias name has 1 to {} printable ASCII characters, none of "
                                   "space and / ? # % & = \\ ; +, and is not {}",
                                   kNameBytesMax, kDefaultNamespace));
  }
  return {};
}

void WriteAlias(JsonWriter& json, const Alias& alias) {
  const auto time = [](std::int64_t ms) { return FormatTime(WallTime{Millis{ms}}); };
  json.BeginObject().Key("name").String(alias.name);
  json.Key("target_namespace").String(alias.target);
  json.Key("created_at").String(time(alias.created_at_ms));
  json.Key("updated_at").String(time(alias.updated_at_ms)).EndObject();
}

HttpResponse AliasAnswer(const Alias& alias) {
  JsonWriter json;
  WriteAlias(json, alias);
  return JsonAnswer(std::move(json).Take());
}

/// The body's target, which exists and is no alias.
Refusable<std::string> ReadTarget(const Index& index, const JsonObject& body) {
  REHOME_TRY_ASSIGN(std::string target, body.String("target_namespace"));
  if (target.empty()) {
    return RefuseAlias(ErrorCode::kInvalidArgument, "TARGET_NAMESPACE_REQUIRED",
                       "target_namespace is required");
  }
  if (const Status valid = CheckId(target, "target_namespace"); !valid) {
    return RefuseAlias(ErrorCode::kInvalidArgument,
                       target.size() > kNameBytesMax ? "NAMESPACE_TOO_LONG" : "NAMESPACE_INVALID",
                       valid.error().message);
  }
  if (index.FindAlias(target)) {
    return RefuseAlias(ErrorCode::kInvalidArgument, "TARGET_IS_ALIAS",
                       fmt::format("{} is itself an alias", target));
  }
  if (!index.Exists(target) && target != kDefaultNamespace) {
    return RefuseAlias(ErrorCode::kInvalidArgument, "TARGET_NAMESPACE_NOT_FOUND",
                       fmt::format("Namespace {} not found", target));
  }
  return target;
}

/// The alias that the path names.
Refusable<Alias> FindNamed(const Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVersion(request));
  const std::string& name = request.parameters.front();
  REHOME_TRY(CheckName(name));
  auto found = index.FindAlias(name);
  if (!found) {
    return Fail(ErrorCode::kNotFound, fmt::format("Namespace alias {} not found", name));
  }
  return *std::move(found);
}

std::int64_t Now(const ApiRequest& request) {
  return request.facilities.clock->Now().time_since_epoch().count();
}

}  // namespace

Answer ListAliases(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVersion(request));
  REHOME_TRY_ASSIGN(const auto limit, request.target.Integer("limit", kAliasesListedMax));
  if (limit < 1 || limit > kAliasesListedMax) {
    return RefuseAlias(
        ErrorCode::kInvalidArgument, "LIST_INVALID_LIMIT",
        fmt::format("limit must be between 1 and {}, got {}", kAliasesListedMax, limit));
  }
  const auto after = ParsePageToken(request.target.Get("paginationToken"));
  if (!after) {
    return RefuseAlias(ErrorCode::kInvalidArgument, "INVALID_PAGINATION_TOKEN",
                       after.error().message);
  }
  const std::string prefix = request.target.Get("prefix");
  const std::string target = request.target.Get("target_namespace");
  std::vector<Alias> aliases = index.Aliases();
  std::erase_if(aliases, [&](const Alias& alias) {
    return !alias.name.starts_with(prefix) || (!target.empty() && alias.target != target);
  });
  const std::size_t total = aliases.size();
  std::erase_if(aliases, [&](const Alias& alias) { return alias.name <= *after; });
  const bool more = aliases.size() > static_cast<std::size_t>(limit);
  if (more) {
    aliases.resize(static_cast<std::size_t>(limit));
  }
  JsonWriter json;
  json.BeginObject().Key("namespace_aliases").BeginArray();
  for (const Alias& alias : aliases) {
    WriteAlias(json, alias);
  }
  json.EndArray();
  if (more) {
    json.Key("pagination").BeginObject().Key("next").String(PageToken(aliases.back().name));
    json.EndObject();
  }
  json.Key("total_count").Integer(total);
  return JsonAnswer(std::move(json.EndObject()).Take());
}

Answer CreateAlias(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVersion(request));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const std::string name, body.String("name"));
  REHOME_TRY(CheckName(name));
  if (const auto taken = index.FindAlias(name)) {
    return RefuseAlias(ErrorCode::kAlreadyExists, "ALIAS_ALREADY_EXISTS",
                       fmt::format("Namespace alias {} already exists", name), taken->target);
  }
  if (index.Exists(name)) {
    return RefuseAlias(ErrorCode::kAlreadyExists, "NAME_IN_USE_BY_NAMESPACE",
                       fmt::format("{} is a namespace", name));
  }
  REHOME_TRY_ASSIGN(std::string target, ReadTarget(index, body));
  const std::int64_t now = Now(request);
  const Alias alias{
      .name = name, .target = std::move(target), .created_at_ms = now, .updated_at_ms = now};
  REHOME_TRY(index.SetAlias(alias, false));
  return AliasAnswer(alias);
}

Answer DescribeAlias(Index& index, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const Alias alias, FindNamed(index, request));
  return AliasAnswer(alias);
}

Answer RepointAlias(Index& index, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(Alias alias, FindNamed(index, request));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(alias.target, ReadTarget(index, body));
  alias.updated_at_ms = std::max(alias.updated_at_ms + 1, Now(request));
  REHOME_TRY(index.SetAlias(alias, true));
  return AliasAnswer(alias);
}

Answer DeleteAlias(Index& index, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const Alias alias, FindNamed(index, request));
  REHOME_TRY(index.DropAlias(alias.name));
  return JsonAnswer("{}");
}

}  // namespace rehome::pinecone_local

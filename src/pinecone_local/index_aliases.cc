// index_aliases.cc — namespace aliases: in the log like everything else, and never lagging.
#include <fmt/format.h>

#include "pinecone_local/index.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"

namespace rehome::pinecone_local {

std::string Alias::ToJson() const {
  JsonWriter json;
  json.BeginObject().Key("name").String(name).Key("target").String(target);
  json.Key("created_at_ms").Integer(created_at_ms).Key("updated_at_ms").Integer(updated_at_ms);
  return std::move(json.EndObject()).Take();
}

namespace {

Refusable<Alias> ReadStoredAlias(const JsonObject& json) {
  Alias alias;
  REHOME_TRY_ASSIGN(alias.name, json.String("name"));
  REHOME_TRY_ASSIGN(alias.target, json.String("target"));
  REHOME_TRY_ASSIGN(alias.created_at_ms, json.Integer("created_at_ms", 0));
  REHOME_TRY_ASSIGN(alias.updated_at_ms, json.Integer("updated_at_ms", 0));
  return alias;
}

}  // namespace

Result<Alias> Alias::FromJson(std::string_view text) {
  return ReadStored(text, "a stored namespace alias", ReadStoredAlias);
}

std::vector<Alias> Index::Aliases() const {
  const std::shared_lock lock(state_mutex_);
  std::vector<Alias> aliases;
  aliases.reserve(state_.aliases.size());
  for (const auto& [name, alias] : state_.aliases) {
    aliases.push_back(alias);
  }
  return aliases;
}

std::optional<Alias> Index::FindAlias(std::string_view name) const {
  const std::shared_lock lock(state_mutex_);
  const auto found = state_.aliases.find(name);
  return found == state_.aliases.end() ? std::nullopt : std::optional(found->second);
}

bool Index::Exists(std::string_view ns) const {
  const std::shared_lock lock(state_mutex_);
  return Get(ns).exists();
}

Status Index::SetAlias(const Alias& alias, bool exists) {
  const std::scoped_lock lock(write_mutex_);
  if (!Get(alias.target).exists() && alias.target != kDefaultNamespace) {
    return Fail(ErrorCode::kNotFound, fmt::format("Namespace {} not found", alias.target));
  }
  if (state_.aliases.contains(alias.name) != exists || Get(alias.name).exists()) {
    return Fail(ErrorCode::kAborted,
                fmt::format("the name {} was taken or released meanwhile", alias.name));
  }
  FrameBuilder frame({}, 0);
  frame.Add(OperationKind::kSetAlias, alias.ToJson());
  return Commit(std::move(frame));
}

Status Index::DropAlias(std::string_view name) {
  const std::scoped_lock lock(write_mutex_);
  if (!state_.aliases.contains(name)) {
    return Fail(ErrorCode::kNotFound, fmt::format("Namespace alias {} not found", name));
  }
  FrameBuilder frame({}, 0);
  frame.Add(OperationKind::kDropAlias, name);
  return Commit(std::move(frame));
}

}  // namespace rehome::pinecone_local
